"""Requests to train: claimed by a trainer, and by another one when that is lost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.arrays import among
from db.leases import lease_end
from db.states import TrainingScope
from db.tables import TrainingRequestRow

_OPEN = (
    TrainingRequestRow.finished_at.is_(None),
    or_(TrainingRequestRow.lease_until.is_(None), TrainingRequestRow.lease_until < func.clock_timestamp()),
)


@dataclass(frozen=True, kw_only=True)
class ClaimedRequest:
    """What a trainer is asked for."""

    id: int
    scope: TrainingScope
    cutoff: datetime | None  # None: everything that is committed when it is trained


def request_training(
    session: Session, *, tenant_id: str, scope: TrainingScope = TrainingScope.NEWS, cutoff: datetime | None = None
) -> int:
    """The id of a new request."""
    row = insert(TrainingRequestRow).values(tenant_id=tenant_id, scope=scope, cutoff=cutoff)
    return session.execute(row.returning(TrainingRequestRow.id)).scalar_one()


def lock_requests(session: Session, *, tenant_id: str) -> None:
    """Until the caller commits, nobody else who locks them asks too."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"training {tenant_id}", 0))))


def has_open_request(session: Session) -> bool:
    """Whether a request waits for a trainer."""
    return session.execute(select(exists().where(*_OPEN))).scalar_one()


def has_unfinished_request(session: Session) -> bool:
    """Whether a request waits for a trainer, or is with one."""
    return session.execute(select(exists().where(TrainingRequestRow.finished_at.is_(None)))).scalar_one()


def claim_request(session: Session, *, owner: str, lease_seconds: float) -> ClaimedRequest | None:
    """The oldest open request; None when there is none."""
    oldest = select(TrainingRequestRow.id).where(*_OPEN).order_by(TrainingRequestRow.id).limit(1)
    claimed = update(TrainingRequestRow).where(
        TrainingRequestRow.id == oldest.with_for_update(skip_locked=True).scalar_subquery()
    )
    columns = (TrainingRequestRow.id, TrainingRequestRow.scope, TrainingRequestRow.cutoff)
    claimed = claimed.values(owner=owner, lease_until=lease_end(lease_seconds))
    row = session.execute(claimed.returning(*columns)).one_or_none()
    return None if row is None else ClaimedRequest(**row._mapping)


def extend_request(session: Session, *, request_id: int, owner: str, lease_seconds: float) -> bool:
    """Keep it for that much longer; False where it is somebody else's by now, or finished."""
    held = update(TrainingRequestRow).where(
        TrainingRequestRow.id == request_id, TrainingRequestRow.owner == owner, TrainingRequestRow.finished_at.is_(None)
    )
    extended = held.values(lease_until=lease_end(lease_seconds)).returning(TrainingRequestRow.id)
    return session.execute(extended).one_or_none() is not None


def finish_request(session: Session, *, request_id: int, error: str | None = None) -> None:
    """The training is done, or failed in a way that another try would not mend."""
    done = update(TrainingRequestRow).where(TrainingRequestRow.id == request_id)
    session.execute(done.values(finished_at=func.clock_timestamp(), lease_until=None, error=error))


def list_open_requests(session: Session, *, scopes: Collection[TrainingScope]) -> list[int]:
    """The ids of requests of these scopes that wait for a trainer, and are not of a moment of their own."""
    wanted = (*_OPEN, TrainingRequestRow.scope.in_(scopes), TrainingRequestRow.cutoff.is_(None))
    return list(session.execute(select(TrainingRequestRow.id).where(*wanted)).scalars())


def finish_requests(session: Session, *, request_ids: Sequence[int]) -> None:
    """What these asked for was done by somebody who had not claimed them; one that a trainer has by now is its own."""
    done = update(TrainingRequestRow).where(among(TrainingRequestRow.id, request_ids), *_OPEN)
    session.execute(done.values(finished_at=func.clock_timestamp()))


def read_error(session: Session, *, request_id: int) -> str | None:
    """Why the training failed; None when it did not."""
    query = select(TrainingRequestRow.error).where(TrainingRequestRow.id == request_id)
    return session.execute(query).scalar_one()


def is_finished(session: Session, *, request_id: int) -> bool:
    """Whether the training is done, or failed."""
    query = select(TrainingRequestRow.finished_at.is_not(None)).where(TrainingRequestRow.id == request_id)
    return session.execute(query).scalar_one()
