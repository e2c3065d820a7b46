"""Training rows: what a strategy's outcomes, up to a moment, teach its predictor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.answer_changes import find_change
from db.states import JobKind, LabelSource, OutcomeSource

MOST_OUTCOMES = 10_000  # of jobs with and of jobs without selection each, so that training takes seconds

# An answer that identical tasks share was given once, and counts once. A run's outcome whose propensity is not known
# (a repair, a downgrade, a second chance came in between) leaves every estimate. Of a task with a kept answer that one
# teaches, whichever is final: left out, a strategy would seem never to fail.
TEACHES = """outcome.error_code IS NULL AND outcome.source <> 'twin'
      AND (outcome.kind <> 'run' OR outcome.propensity IS NOT NULL)"""


class OutcomeKey(NamedTuple):
    """Which outcome."""

    job_id: int
    seq: int
    arm: int


@dataclass(frozen=True, kw_only=True)
class TrainingRow:
    """One outcome."""

    job_id: int
    seq: int
    arm: int
    kind: JobKind
    payload: str
    weight: float  # how much a probe counts for the tasks that it stands for; 1 elsewhere
    correct: float  # 0..1; NaN where nobody has said
    prompt_tokens: int  # of all requests
    later_prompt_tokens: int  # of those after the first
    output_tokens: int
    propensity: float | None  # with what probability the strategy was given the task, in a run
    source: OutcomeSource
    cached_prompt_tokens: int
    told_at: datetime  # when the latest of it was known: the answer, or what counts of what was said of it
    window_id: int | None  # in which it was routed


_WHICH = f"""outcome.strategy_id = alike.id AND {TEACHES}
      AND outcome.created_at <= coalesce(:cutoff, CAST('infinity' AS timestamptz))
      AND outcome.created_at >= coalesce(:since, CAST('-infinity' AS timestamptz))"""
_LATEST = f"""SELECT outcome.job_id, outcome.seq, outcome.arm, outcome.kind, outcome.created_at FROM outcome
    WHERE {_WHICH}"""  # noqa: S608 - our own constants
_LATEST_KEPT = f"""SELECT outcome.job_id, outcome.seq, outcome.arm, outcome.kind, outcome.created_at
    FROM kept_answer AS outcome WHERE {_WHICH}"""  # noqa: S608 - as above
_HAS_NONE_KEPT = """NOT EXISTS (
    SELECT FROM kept_answer AS kept WHERE kept.job_id = outcome.job_id AND kept.seq = outcome.seq)"""
_LATEST_FIRST = """
    ORDER BY outcome.created_at DESC, outcome.job_id DESC, outcome.seq DESC, outcome.arm DESC LIMIT :most"""

# Versions with the same spec hash answer alike, so a new tariff does not throw away what was learnt. Each version's
# outcomes come off the end of an index. Calibrations come first, then probes: one that repeats a task of
# theirs is left out.
_LIST = text(f"""
    SELECT job_id, seq, arm FROM (
        SELECT recent.*, row_number() OVER (
            PARTITION BY recent.kind = 'run' ORDER BY recent.created_at DESC, job_id DESC, seq DESC, arm DESC
        ) AS place
        FROM strategy AS wanted
        JOIN strategy AS alike ON alike.tenant_id = wanted.tenant_id AND alike.spec_hash = wanted.spec_hash
        CROSS JOIN LATERAL (
            ({_LATEST} AND outcome.kind <> 'run' {_LATEST_FIRST})
            UNION ALL
            ({_LATEST} AND outcome.kind = 'run' AND :with_runs AND {_HAS_NONE_KEPT} {_LATEST_FIRST})
            UNION ALL
            ({_LATEST_KEPT} AND :with_runs {_LATEST_FIRST})
        ) AS recent
        WHERE wanted.id = :strategy_id
    ) AS placed
    WHERE place <= :most
    ORDER BY array_position(ARRAY['calibration', 'probe', 'run'], kind), job_id, seq, arm
""")  # noqa: S608 - made of our own constant

# What a person said counts before what a judge said, and that before what graders did: of one source, the latest.
# It is said of the outcome that a task has in the end, and so of a kept answer where that is it.
_ANSWER = (
    "job_id, seq, arm, kind, strategy_id, correct, prompt_tokens, response, output_tokens, propensity, source, "
    "cached_prompt_tokens, grp_id, created_at"
)
_READ = text(f"""
    SELECT outcome.job_id, outcome.seq, outcome.arm, outcome.kind, task.payload,
           coalesce((job.meta -> 'weights' ->> outcome.seq)::float8, 1.0) AS weight,
           coalesce(said.correct, outcome.correct, 'NaN') AS correct,
           outcome.prompt_tokens,
           coalesce(outcome.prompt_tokens - CAST(outcome.response #>> '{{requests,0,prompt_tokens}}' AS int), 0)
               AS later_prompt_tokens,
           outcome.output_tokens, outcome.propensity, outcome.source, outcome.cached_prompt_tokens,
           greatest(outcome.created_at, said.created_at) AS told_at, grp.window_id
    FROM unnest(CAST(:job_ids AS bigint[]), CAST(:seqs AS int[]), CAST(:arms AS bigint[]))
         WITH ORDINALITY AS asked (job_id, seq, arm, place)
    CROSS JOIN LATERAL (
        SELECT {_ANSWER} FROM kept_answer AS outcome WHERE outcome.job_id = asked.job_id AND outcome.seq = asked.seq
        UNION ALL
        SELECT {_ANSWER} FROM outcome WHERE outcome.job_id = asked.job_id AND outcome.seq = asked.seq
            AND outcome.arm = asked.arm AND {_HAS_NONE_KEPT}
    ) AS outcome
    JOIN job ON job.id = outcome.job_id
    JOIN task ON task.job_id = outcome.job_id AND task.seq = outcome.seq
    LEFT JOIN grp ON grp.id = outcome.grp_id
    LEFT JOIN LATERAL (
        SELECT correct, created_at FROM label
        WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
          AND label.created_at <= coalesce(:cutoff, CAST('infinity' AS timestamptz))
          AND EXISTS (SELECT FROM outcome AS final WHERE final.job_id = label.job_id AND final.seq = label.seq
                      AND final.arm = label.arm AND final.strategy_id = outcome.strategy_id)
        ORDER BY array_position(CAST(:sources AS text[]), label.source), label.id DESC LIMIT 1
    ) AS said ON true
    ORDER BY asked.place
""")  # noqa: S608 - made of our own constants


def list_training_outcomes(
    session: Session,
    *,
    strategy_id: int,
    cutoff: datetime | None,
    since: datetime | None = None,
    with_runs: bool = True,
    most: int = MOST_OUTCOMES,
) -> list[OutcomeKey]:
    """The latest outcomes up to the cutoff, graded or not, of all versions that answer alike; none before `since`.

    At most `most` of jobs in which a router chose, and as many of others: calibrations first, then probes, then runs,
    each from the oldest job on. The same before a settled cutoff whenever it is asked for; None: all there are now.
    """
    asked = {"strategy_id": strategy_id, "cutoff": cutoff, "since": since, "with_runs": with_runs, "most": most}
    return [OutcomeKey(*row) for row in session.execute(_LIST, asked)]


def read_rows(session: Session, *, outcomes: Sequence[OutcomeKey], cutoff: datetime | None) -> list[TrainingRow]:
    """These outcomes in their order, with what was said of them up to the cutoff."""
    job_ids, seqs, arms = zip(*outcomes, strict=True) if outcomes else ((), (), ())
    asked = {"job_ids": list(job_ids), "seqs": list(seqs), "arms": list(arms), "cutoff": cutoff}
    rows = session.execute(_READ, {**asked, "sources": list(LabelSource)})
    return [
        TrainingRow(**(row._asdict() | {"kind": JobKind(row.kind), "source": OutcomeSource(row.source)}))
        for row in rows
    ]


def read_graded_rows(session: Session, *, strategy_id: int, cutoff: datetime | None = None) -> list[TrainingRow]:
    """Graded outcomes of calibrations and probes, which say what the strategy does with tasks that nobody chose.

    None from before it began to answer otherwise.
    """
    change = find_change(session, strategy_id=strategy_id, cutoff=cutoff)
    since = None if change is None else change.began_at
    outcomes = list_training_outcomes(session, strategy_id=strategy_id, cutoff=cutoff, since=since, with_runs=False)
    return [row for row in read_rows(session, outcomes=outcomes, cutoff=cutoff) if not math.isnan(row.correct)]
