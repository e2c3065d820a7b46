"""Where single tasks of a job are: by their name, and those that failed."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.tables import TaskRow

# The groups know how many of their members failed, so that only members of such groups are looked at.
_FIND_FAILED = text("""
    SELECT ended.seq FROM (
        SELECT id, seqs, arm FROM grp WHERE job_id = :job_id AND errors > 0 ORDER BY id DESC LIMIT :groups
    ) AS failing
    CROSS JOIN LATERAL (
        SELECT outcome.seq FROM unnest(failing.seqs) AS member (seq)
        JOIN outcome ON outcome.job_id = :job_id AND outcome.seq = member.seq AND outcome.arm = failing.arm
        WHERE outcome.grp_id = failing.id AND outcome.error_code IS NOT NULL LIMIT :most
    ) AS ended
    ORDER BY failing.id DESC, ended.seq LIMIT :most
""")


def find_task(session: Session, *, job_id: int, custom_id: str) -> int | None:
    """The number of the task of that name; None when the job has none."""
    named = select(TaskRow.seq).where(TaskRow.job_id == job_id, TaskRow.custom_id == custom_id)
    return session.execute(named).scalar_one_or_none()


def find_failed_tasks(session: Session, *, job_id: int, limit: int) -> list[int]:
    """Tasks that ended with an error, of the latest groups that have some."""
    rows = session.execute(_FIND_FAILED, {"job_id": job_id, "groups": limit, "most": limit})
    return list(dict.fromkeys(rows.scalars()))
