"""Probe jobs of a strategy, and what it has answered before."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.states import JobKind, JobState
from db.tables import JobRow

_READ_ANSWERED = text("""
    SELECT DISTINCT task.payload
    FROM strategy AS wanted
    JOIN strategy AS alike ON alike.tenant_id = wanted.tenant_id AND alike.spec_hash = wanted.spec_hash
    JOIN outcome ON outcome.strategy_id = alike.id
    JOIN task ON task.job_id = outcome.job_id AND task.seq = outcome.seq
    WHERE wanted.id = :strategy_id AND outcome.kind IN ('calibration', 'probe')
""")


def list_unfinished_probes(session: Session, *, strategy_id: int) -> list[int]:
    """Probe jobs of this very version that an earlier command left, the oldest first."""
    own = select(JobRow.id).where(
        JobRow.kind == JobKind.PROBE,
        JobRow.state.in_([JobState.SUBMITTED, JobState.RUNNING]),
        JobRow.strategy_ids == [strategy_id],
    )
    return list(session.execute(own.order_by(JobRow.id)).scalars())


def read_answered(session: Session, *, strategy_id: int) -> set[str]:
    """Payloads that a calibration or a probe asked and all versions that answer alike answered, rightly or not."""
    return set(session.execute(_READ_ANSWERED, {"strategy_id": strategy_id}).scalars())
