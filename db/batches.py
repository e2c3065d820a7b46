"""Batches: asked for, moved from status to status, read. Of another tenant's, nothing is ever read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Result, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.pages import PageAsked, cut_page
from db.states import FINAL_STATUSES, BatchStatus
from db.tables import BatchRow
from db.tables.base import core_table
from db.text import is_storable


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch as it stands."""

    id: str
    tenant_id: str
    status: BatchStatus
    endpoint: str
    input_file_id: str
    completion_window: str
    asked: Mapping[str, Any]
    meta: Mapping[str, str] | None
    request_digest: str
    output_expires_seconds: int | None
    job_id: int | None
    errors: Sequence[Mapping[str, Any]] | None
    output_file_id: str | None
    error_file_id: str | None
    ended: Mapping[str, Any] | None
    created_at: datetime
    expires_at: datetime
    in_progress_at: datetime | None
    finalizing_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    expired_at: datetime | None
    cancelling_at: datetime | None
    cancelled_at: datetime | None


_TABLE = core_table(BatchRow)
_COLUMNS = [_TABLE.c["metadata" if name == "meta" else name].label(name) for name in Batch.__dataclass_fields__]

# Made once: every status pays for it.
_BY_ID = select(*_COLUMNS).where(_TABLE.c.tenant_id == bindparam("tenant_id"), _TABLE.c.id == bindparam("batch_id"))

# Whence a batch may come into a status; what else is tried finds that it came too late, and changes nothing.
BEFORE: Mapping[BatchStatus, frozenset[BatchStatus]] = {
    BatchStatus.FAILED: frozenset({BatchStatus.VALIDATING}),
    BatchStatus.IN_PROGRESS: frozenset({BatchStatus.VALIDATING}),
    BatchStatus.FINALIZING: frozenset({BatchStatus.IN_PROGRESS}),
    BatchStatus.COMPLETED: frozenset({BatchStatus.FINALIZING}),
    BatchStatus.EXPIRED: frozenset({BatchStatus.VALIDATING, BatchStatus.FINALIZING}),
    BatchStatus.CANCELLING: frozenset({BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS}),
    BatchStatus.CANCELLED: frozenset({BatchStatus.CANCELLING}),
}


def create_batch(
    session: Session,
    *,
    batch_id: str,
    tenant_id: str,
    endpoint: str,
    input_file_id: str,
    completion_window: str,
    lasts_seconds: int,
    asked: Mapping[str, Any],
    meta: Mapping[str, str] | None,
    request_digest: str,
    idempotency_key: str | None,
    output_expires_seconds: int | None,
) -> Batch | None:
    """A new batch to be validated; None when the tenant has one with that idempotency key."""
    now = func.clock_timestamp()
    row = insert(BatchRow).values(
        id=batch_id,
        tenant_id=tenant_id,
        status=BatchStatus.VALIDATING,
        endpoint=endpoint,
        input_file_id=input_file_id,
        completion_window=completion_window,
        asked=dict(asked),
        meta=None if meta is None else dict(meta),
        request_digest=request_digest,
        idempotency_key=idempotency_key,
        output_expires_seconds=output_expires_seconds,
        created_at=now,
        expires_at=now + func.make_interval(0, 0, 0, 0, 0, 0, lasts_seconds),
    )
    row = row.on_conflict_do_nothing(
        index_elements=["tenant_id", "idempotency_key"], index_where=text("idempotency_key IS NOT NULL")
    )
    return _take_one(session.execute(row.returning(*_COLUMNS)))


def read_batch(session: Session, *, tenant_id: str, batch_id: str) -> Batch | None:
    """The tenant's batch; None when there is none of that id."""
    if not is_storable(batch_id):
        return None
    return _take_one(session.execute(_BY_ID, {"tenant_id": tenant_id, "batch_id": batch_id}))


def find_by_idempotency_key(session: Session, *, tenant_id: str, idempotency_key: str) -> Batch | None:
    """The tenant's batch that was asked for with that key."""
    own = select(*_COLUMNS).where(BatchRow.tenant_id == tenant_id, BatchRow.idempotency_key == idempotency_key)
    return _take_one(session.execute(own))


def find_by_request(session: Session, *, tenant_id: str, request_digest: str, within_seconds: int) -> Batch | None:
    """The tenant's latest batch that was asked for with the same body, not longer ago than that."""
    young = BatchRow.created_at > func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, within_seconds)
    latest = select(*_COLUMNS).where(BatchRow.tenant_id == tenant_id, BatchRow.request_digest == request_digest, young)
    return _take_one(session.execute(latest.order_by(BatchRow.number.desc()).limit(1)))


def list_batches(session: Session, *, tenant_id: str, page: PageAsked) -> Sequence[Batch] | None:
    """The page's batches, and one more where others follow; None when the tenant has no such `after`."""
    cut = cut_page(session, select(*_COLUMNS), table=BatchRow, tenant_id=tenant_id, page=page)
    return None if cut is None else [Batch(**row._mapping) for row in session.execute(cut)]


def list_open_batches(session: Session) -> Sequence[Batch]:
    """Batches of all tenants that are not at their end, the oldest first."""
    rows = select(*_COLUMNS).where(BatchRow.status.not_in(FINAL_STATUSES)).order_by(BatchRow.number)
    return [Batch(**row._mapping) for row in session.execute(rows)]


def is_read_by_a_batch(session: Session, *, file_id: str) -> bool:
    """Whether a batch is still to read this file."""
    reading = select(BatchRow.id).where(BatchRow.input_file_id == file_id, BatchRow.status == BatchStatus.VALIDATING)
    return session.execute(reading.limit(1)).one_or_none() is not None


def move_batch(session: Session, *, batch_id: str, to: BatchStatus, **values: object) -> bool:
    """Whether the batch came into this status now, with these values; False when it is past it, or on another way."""
    moved = update(BatchRow).where(BatchRow.id == batch_id, BatchRow.status.in_(BEFORE[to]))
    dated = {f"{to}_at": func.clock_timestamp()}
    return session.execute(moved.values(status=to, **dated, **values).returning(BatchRow.id)).one_or_none() is not None


def _take_one(rows: Result[Any]) -> Batch | None:
    row = rows.one_or_none()
    return None if row is None else Batch(**row._mapping)
