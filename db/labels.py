"""Labels: what is said of answers after they were given. Appended, never changed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.states import LabelSource


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A task's answer in one arm, which can be labelled."""

    custom_id: str
    seq: int
    arm: int
    strategy: str  # that gave it


@dataclass(frozen=True, kw_only=True)
class NewLabel:
    """What one source says of an answer."""

    seq: int
    arm: int
    source: LabelSource
    correct: float  # 0..1


@dataclass(frozen=True, kw_only=True)
class StoredLabel:
    """What one source said of a task's answer, and when."""

    seq: int
    source: LabelSource
    correct: float
    created_at: datetime
    given_by: str | None  # None: before this was kept
    counts: bool  # it is what is taken to be so


_FIND = text("""
    SELECT task.custom_id, task.seq, outcome.arm, strategy.name AS strategy
    FROM task
    JOIN outcome ON outcome.job_id = task.job_id AND outcome.seq = task.seq AND outcome.error_code IS NULL
    JOIN strategy ON strategy.id = outcome.strategy_id
    WHERE task.job_id = :job_id AND task.custom_id = ANY (CAST(:custom_ids AS text[]))
    ORDER BY task.seq, outcome.arm
""")

_KNOWN = text("SELECT custom_id FROM task WHERE job_id = :job_id AND custom_id = ANY (CAST(:custom_ids AS text[]))")

# What a source has said last is not said again: the same labels sent twice are stored once.
_STORE = text("""
    INSERT INTO label (tenant_id, job_id, seq, arm, source, correct, given_by)
    SELECT :tenant_id, :job_id, given.seq, given.arm, given.source, given.correct, :given_by
    FROM unnest(CAST(:seqs AS int[]), CAST(:arms AS bigint[]), CAST(:sources AS text[]), CAST(:corrects AS float8[]))
         AS given (seq, arm, source, correct)
    WHERE given.correct IS DISTINCT FROM (
        SELECT label.correct FROM label
        WHERE label.job_id = :job_id AND label.seq = given.seq AND label.arm = given.arm AND label.source = given.source
        ORDER BY label.id DESC LIMIT 1
    )
    RETURNING id
""")

# The order in which labels count is that of training and of results.
_READ = text("""
    SELECT seq, source, correct, created_at, given_by,
           row_number() OVER (
               PARTITION BY seq ORDER BY array_position(CAST(:sources AS text[]), source), id DESC
           ) = 1 AS counts
    FROM label WHERE job_id = :job_id AND seq >= :lo AND seq < :hi AND arm = 0
    ORDER BY seq, id
""")


def find_answers(session: Session, *, job_id: int, custom_ids: Collection[str]) -> list[Answer]:
    """The answers to these tasks of the job, in its order; in a calibration several to a task."""
    rows = session.execute(_FIND, {"job_id": job_id, "custom_ids": list(custom_ids)})
    return [Answer(**row._mapping) for row in rows]


def list_known_tasks(session: Session, *, job_id: int, custom_ids: Collection[str]) -> set[str]:
    """Those names that tasks of the job have, answered or not."""
    return set(session.execute(_KNOWN, {"job_id": job_id, "custom_ids": list(custom_ids)}).scalars())


def store_labels(session: Session, *, tenant_id: str, job_id: int, labels: Sequence[NewLabel], given_by: str) -> int:
    """How many of them say something new; each answer and source at most once. The caller holds the job's lock."""
    given = {
        "seqs": [label.seq for label in labels],
        "arms": [label.arm for label in labels],
        "sources": [label.source.value for label in labels],
        "corrects": [label.correct for label in labels],
    }
    whose = {"tenant_id": tenant_id, "job_id": job_id, "given_by": given_by}
    return len(session.execute(_STORE, {**whose, **given}).all())


def read_labels(session: Session, *, job_id: int, lo: int, hi: int) -> list[StoredLabel]:
    """All that was ever said of the answers to a run's tasks lo..hi-1, by task and in the order of saying."""
    asked = {"job_id": job_id, "lo": lo, "hi": hi, "sources": list(LabelSource)}
    return [
        StoredLabel(**(row._asdict() | {"source": LabelSource(row.source)})) for row in session.execute(_READ, asked)
    ]
