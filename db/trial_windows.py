"""The lots of windows on trial, and what came of the tasks that drew them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db.states import LabelSource
from db.tables import TrialWindowRow
from db.windows import HeldWindow


@dataclass(frozen=True, kw_only=True)
class NewLots:
    """How the lots of a window fell."""

    trial_id: int
    price: float  # right answers for a quantum
    tasks: int  # on which both sides had a choice
    apart: int  # of these, on which they differed
    seqs: Sequence[int]  # of the tasks on trial
    challenged: Sequence[bool]  # whether each drew the challengers' choice
    expected: Sequence[float]  # worth of each one's two choices, the mean, as was predicted


class TriedTask(NamedTuple):
    """A labelled task of a trial, by the lot that it drew."""

    challenged: bool
    correct: float  # right answers, those of its twins among them
    spent: float  # right answers that its cost would have bought elsewhere
    expected: float
    window_id: int


class TrialTraffic(NamedTuple):
    """How many tasks a trial has seen."""

    tasks: int
    apart: int  # on which the two sides differed


# An answer that failed is wrong, where the answers beside it are judged at all: else the side that fails more often
# would be judged by what it got right.
_READ = text("""
    SELECT challenged, correct * alike AS correct, spent, expected, window_id FROM (
        SELECT lots.challenged, trial_window.price * outcome.cost::float8 AS spent, lots.expected,
               trial_window.window_id, 1 + twins.number AS alike,
               CASE WHEN outcome.error_code IS NULL THEN coalesce(said.correct, outcome.correct)
                    WHEN bool_or(coalesce(said.correct, outcome.correct) IS NOT NULL)
                         OVER (PARTITION BY trial_window.window_id) THEN 0 END AS correct
        FROM trial_window
        CROSS JOIN LATERAL unnest(seqs, challenged, expected) AS lots (seq, challenged, expected)
        JOIN outcome ON outcome.job_id = trial_window.job_id AND outcome.seq = lots.seq AND outcome.arm = 0
        CROSS JOIN LATERAL (
            SELECT count(*) AS number FROM twin
            WHERE twin.job_id = trial_window.job_id AND twin.leader_seq = lots.seq
        ) AS twins
        LEFT JOIN LATERAL (
            SELECT correct FROM label
            WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
            ORDER BY array_position(CAST(:sources AS text[]), label.source), label.id DESC LIMIT 1
        ) AS said ON true
        WHERE trial_window.trial_id = :trial_id
    ) AS tried
    WHERE correct IS NOT NULL
    ORDER BY window_id
""")

_COUNT = text("""
    SELECT coalesce(sum(tasks), 0)::bigint AS tasks, coalesce(sum(apart), 0)::bigint AS apart
    FROM trial_window WHERE trial_id = :trial_id
""")

_LABELS_A_DAY = text("""
    SELECT count(*) / CAST(:days AS float8) FROM outcome
    WHERE outcome.kind = 'run' AND outcome.source = 'engine' AND outcome.strategy_id = ANY (
        SELECT id FROM strategy WHERE tenant_id = :tenant_id
    )
    AND outcome.created_at > clock_timestamp() - make_interval(days => :days)
    AND (outcome.correct IS NOT NULL OR EXISTS (
        SELECT FROM label WHERE label.job_id = outcome.job_id AND label.seq = outcome.seq AND label.arm = outcome.arm
    ))
""")


def store_lots(session: Session, *, window: HeldWindow, tenant_id: str, lots: NewLots) -> None:
    """Store how the lots of a window fell, in the transaction that commits its groups."""
    row = insert(TrialWindowRow).values(
        window_id=window.id,
        tenant_id=tenant_id,
        trial_id=lots.trial_id,
        job_id=window.job_id,
        price=lots.price,
        tasks=lots.tasks,
        apart=lots.apart,
        seqs=list(lots.seqs),
        challenged=list(lots.challenged),
        expected=list(lots.expected),
    )
    session.execute(row)


def read_tried_tasks(session: Session, *, trial_id: int) -> list[TriedTask]:
    """The labelled tasks of a trial, window by window; by the latest label of the source that counts most."""
    rows = session.execute(_READ, {"trial_id": trial_id, "sources": list(LabelSource)})
    return [TriedTask(*row) for row in rows]


def count_trial_traffic(session: Session, *, trial_id: int) -> TrialTraffic:
    """What a trial has seen, labelled or not."""
    return TrialTraffic(*session.execute(_COUNT, {"trial_id": trial_id}).one())


def count_labels_a_day(session: Session, *, tenant_id: str, days: int) -> float:
    """Labelled answers of runs a day, over the last days."""
    asked = {"tenant_id": tenant_id, "days": days}
    return float(session.execute(_LABELS_A_DAY, asked).scalar_one())
