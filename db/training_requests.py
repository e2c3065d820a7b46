"""Requests to train: claimed by a trainer, and by another one when that is lost."""

from sqlalchemy import exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.leases import lease_end
from db.tables import TrainingRequestRow

_OPEN = (
    TrainingRequestRow.finished_at.is_(None),
    or_(TrainingRequestRow.lease_until.is_(None), TrainingRequestRow.lease_until < func.clock_timestamp()),
)


def request_training(session: Session, *, tenant_id: str) -> int:
    """The id of a new request."""
    row = insert(TrainingRequestRow).values(tenant_id=tenant_id).returning(TrainingRequestRow.id)
    return session.execute(row).scalar_one()


def has_open_request(session: Session) -> bool:
    """Whether a request waits for a trainer."""
    return session.execute(select(exists().where(*_OPEN))).scalar_one()


def claim_request(session: Session, *, owner: str, lease_seconds: float) -> int | None:
    """The id of the oldest open request; None when there is none."""
    oldest = select(TrainingRequestRow.id).where(*_OPEN).order_by(TrainingRequestRow.id).limit(1)
    claimed = update(TrainingRequestRow).where(
        TrainingRequestRow.id == oldest.with_for_update(skip_locked=True).scalar_subquery()
    )
    claimed = claimed.values(owner=owner, lease_until=lease_end(lease_seconds)).returning(TrainingRequestRow.id)
    return session.execute(claimed).scalar_one_or_none()


def finish_request(session: Session, *, request_id: int, error: str | None = None) -> None:
    """The training is done, or failed in a way that another try would not mend."""
    done = update(TrainingRequestRow).where(TrainingRequestRow.id == request_id)
    session.execute(done.values(finished_at=func.clock_timestamp(), lease_until=None, error=error))


def read_error(session: Session, *, request_id: int) -> str | None:
    """Why the training failed; None when it did not."""
    query = select(TrainingRequestRow.error).where(TrainingRequestRow.id == request_id)
    return session.execute(query).scalar_one()


def is_finished(session: Session, *, request_id: int) -> bool:
    """Whether the training is done, or failed."""
    query = select(TrainingRequestRow.finished_at.is_not(None)).where(TrainingRequestRow.id == request_id)
    return session.execute(query).scalar_one()
