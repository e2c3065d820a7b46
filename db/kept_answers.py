"""Kept answers: invalid ones that are their tasks' outcomes unless a second chance brings better ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.arrays import among
from db.copying import copy_rows, pack_double, pack_text
from db.outcome_rows import OUTCOME_COLUMNS, NewOutcome, Origin, pack_origin, pack_outcome
from db.tables import KeptAnswerRow
from db.tables.base import write_numbers


class NewKept(NamedTuple):
    """An answer to be kept."""

    outcome: NewOutcome
    failure: str  # why it is invalid
    score: float  # how far it is from that, 0..1


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """What is known of a kept answer without a reference."""

    strategy_id: int
    failure: str
    score: float


def insert_kept(session: Session, *, kept: Iterable[NewKept], origin: Origin) -> None:
    """Store them; nothing of the kind for one task twice: it has one second chance."""
    begin = pack_origin(origin)
    rows = (
        pack_outcome(begin, answer.outcome) + pack_text(answer.failure) + pack_double(answer.score) for answer in kept
    )
    copy_rows(session, table="kept_answer", columns=(*OUTCOME_COLUMNS, "failure", "score"), rows=rows)


def read_kept(session: Session, *, job_id: int, seqs: Sequence[int]) -> dict[int, KeptAnswer]:
    """The kept answers of these tasks, by task."""
    columns = (KeptAnswerRow.seq, KeptAnswerRow.strategy_id, KeptAnswerRow.failure, KeptAnswerRow.score)
    rows = session.execute(select(*columns).where(KeptAnswerRow.job_id == job_id, among(KeptAnswerRow.seq, seqs)))
    return {row.seq: KeptAnswer(strategy_id=row.strategy_id, failure=row.failure, score=row.score) for row in rows}


_LIST = text("SELECT seq FROM kept_answer WHERE job_id = :job_id AND seq = ANY (CAST(:seqs AS int[]))")

# Groups have lower numbers than those that ask their tasks once more, and are locked in the order of their numbers.
_LOCK_GROUPS = text("""
    SELECT FROM grp WHERE id IN
        (SELECT grp_id FROM kept_answer WHERE job_id = :job_id AND seq = ANY (CAST(:seqs AS int[])))
    ORDER BY id FOR NO KEY UPDATE
""")

_WITH_TWINS = """
    SELECT seq, seq AS leader_seq FROM unnest(CAST(:seqs AS int[])) AS seq
    UNION ALL SELECT seq, leader_seq FROM twin WHERE job_id = :job_id AND leader_seq = ANY (CAST(:seqs AS int[]))
"""

_RESTORE = text(f"""
    INSERT INTO outcome ({", ".join(OUTCOME_COLUMNS)})
    SELECT {", ".join(OUTCOME_COLUMNS)} FROM kept_answer JOIN ({_WITH_TWINS}) AS own USING (seq) WHERE job_id = :job_id
""")  # noqa: S608 - made of our own columns

_COUNT = text(f"""
    UPDATE grp SET answered = grp.answered + total.answered, errors = grp.errors + total.errors,
                   graded = grp.graded + total.graded, correct = grp.correct + total.correct
    FROM (
        SELECT leader.grp_id, count(*) AS answered, count(kept.error_code) AS errors, count(kept.correct) AS graded,
               coalesce(sum(kept.correct), 0) AS correct
        FROM ({_WITH_TWINS}) AS own
        JOIN kept_answer AS kept ON kept.job_id = :job_id AND kept.seq = own.seq
        JOIN kept_answer AS leader ON leader.job_id = :job_id AND leader.seq = own.leader_seq
        GROUP BY leader.grp_id
    ) AS total
    WHERE grp.id = total.grp_id
""")  # noqa: S608 - as above


def list_kept(session: Session, *, job_id: int, seqs: Sequence[int]) -> set[int]:
    """Those of these tasks that have a kept answer."""
    if not seqs:
        return set()
    return set(session.execute(_LIST, {"job_id": job_id, "seqs": write_numbers(seqs)}).scalars())


def restore_kept(session: Session, *, job_id: int, seqs: Sequence[int]) -> set[int]:
    """Those of these tasks that have a kept answer, which is their outcome from now on, and their twins'.

    To be called before a budget is locked, by whoever holds what would otherwise end them: their window, their group
    or their job. A task that has an outcome already is a mistake, which the outcome's key refuses.
    """
    kept = list_kept(session, job_id=job_id, seqs=seqs)
    if kept:
        own = {"job_id": job_id, "seqs": write_numbers(sorted(kept))}
        for statement in (_LOCK_GROUPS, _RESTORE, _COUNT):
            session.execute(statement, own)
    return kept
