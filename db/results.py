"""Results: what became of every task of a job, for its output files and report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, Row, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.jobs import read_job
from db.states import RequeueReason
from db.tables.base import Quanta, write_numbers


@dataclass(frozen=True, kw_only=True)
class TaskOutcome:
    """The final answer of a task in one arm."""

    strategy_id: int
    group_id: int | None  # None: imported from a recording, or shared with an identical task
    window_id: int | None
    shadow_price: float | None  # of its window
    answer: str
    response: Mapping[str, Any]
    error_code: str | None
    error_message: str | None
    prompt_tokens: int
    output_tokens: int
    cost: int
    correct: float | None  # as a person, a judge or a grader last said of it, in this order; else as it was graded
    latency_seconds: float | None
    propensity: float | None
    cached_prompt_tokens: int


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What became of a task in one arm: its outcome, else the reason why there is none (neither: under way)."""

    seq: int
    custom_id: str
    payload: str
    leader: str | None  # the custom_id of the identical task whose answer it shares
    arm: int
    outcome: TaskOutcome | None
    reason: RequeueReason | None


_COLUMN_TYPES = {
    "seq": Integer,
    "custom_id": Text,
    "payload": Text,
    "leader": Text,
    "arm": BigInteger,
    "reason": Text,
    "strategy_id": BigInteger,
    "group_id": BigInteger,
    "window_id": BigInteger,
    "shadow_price": Float,
    "answer": Text,
    "response": JSONB,
    "error_code": Text,
    "error_message": Text,
    "prompt_tokens": Integer,
    "output_tokens": Integer,
    "cost": Quanta,
    "correct": Float,
    "latency_seconds": Float,
    "propensity": Float,
    "cached_prompt_tokens": Integer,
}

_SELECT = """
    SELECT task.seq, task.custom_id, task.payload, leader.custom_id AS leader, arms.arm, requeue.reason,
           outcome.strategy_id, outcome.grp_id AS group_id, task_window.id AS window_id, task_window.shadow_price,
           answer, response, error_code, error_message, prompt_tokens, output_tokens, cost,
           coalesce(said.correct, outcome.correct) AS correct, latency_seconds, propensity, cached_prompt_tokens
    FROM task CROSS JOIN unnest(CAST(:arms AS bigint[])) WITH ORDINALITY AS arms (arm, position)
    LEFT JOIN twin ON twin.job_id = task.job_id AND twin.seq = task.seq
    LEFT JOIN task AS leader ON leader.job_id = twin.job_id AND leader.seq = twin.leader_seq
    LEFT JOIN outcome ON outcome.job_id = task.job_id AND outcome.seq = task.seq AND outcome.arm = arms.arm
    LEFT JOIN requeue ON requeue.job_id = task.job_id AND requeue.seq = task.seq AND requeue.arm = arms.arm
         AND requeue.routed_at IS NULL
    LEFT JOIN grp ON grp.id = outcome.grp_id
    LEFT JOIN task_window ON task_window.id = grp.window_id
    LEFT JOIN LATERAL (
        SELECT label.correct FROM label
        WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
        ORDER BY array_position(ARRAY['person', 'judge', 'grader'], label.source), label.id DESC LIMIT 1
    ) AS said ON true
    WHERE task.job_id = :job_id
"""
_READ = text(f"{_SELECT} ORDER BY task.seq, arms.position").columns(**_COLUMN_TYPES)
_READ_SOME = text(f"{_SELECT} AND task.seq = ANY (CAST(:seqs AS int[])) ORDER BY task.seq, arms.position").columns(
    **_COLUMN_TYPES
)


def iterate_results(session: Session, *, job_id: int) -> Iterator[TaskResult]:
    """Every task of the job in order (in a calibration once for each strategy), streamed."""
    arms = list(read_job(session, job_id=job_id).arms)
    for row in session.execute(_READ, {"job_id": job_id, "arms": arms}, execution_options={"yield_per": 2_000}):
        yield _result(row)


def read_results(session: Session, *, job_id: int, seqs: Sequence[int]) -> list[TaskResult]:
    """The same of these tasks alone; what is not a task of the job is left out."""
    arms = list(read_job(session, job_id=job_id).arms)
    rows = session.execute(_READ_SOME, {"job_id": job_id, "arms": arms, "seqs": write_numbers(seqs)})
    return [_result(row) for row in rows]


def _result(row: Row[Any]) -> TaskResult:
    outcome = None
    if row.strategy_id is not None:
        outcome = TaskOutcome(**{name: row._mapping[name] for name in TaskOutcome.__dataclass_fields__})
    return TaskResult(
        seq=row.seq,
        custom_id=row.custom_id,
        payload=row.payload,
        leader=row.leader,
        arm=row.arm,
        outcome=outcome,
        reason=None if row.reason is None else RequeueReason(row.reason),
    )
