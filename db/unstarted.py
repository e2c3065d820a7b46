"""Work that is not started: nothing is reserved for it yet."""

from sqlalchemy import text
from sqlalchemy.orm import Session

_COUNT = text(
    "SELECT coalesce(sum(cardinality(seqs) - started), 0) FROM grp WHERE job_id = :job_id AND state <> 'done'"
)


def count_unstarted(session: Session, *, job_id: int) -> int:
    """How many answers of the job are routed and not started: nothing is reserved for them yet."""
    return int(session.execute(_COUNT, {"job_id": job_id}).scalar_one())
