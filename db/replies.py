"""Replies that are kept for the same request sent again. Of another tenant's, nothing is ever read."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.tables import ReplyRow


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was answered, or that it is being answered: then there is no status."""

    id: str
    request_digest: str
    status: int | None
    body: str | None


_REPLY = select(ReplyRow.id, ReplyRow.request_digest, ReplyRow.status, ReplyRow.body)


def begin_reply(
    session: Session,
    *,
    reply_id: str,
    tenant_id: str,
    idempotency_key: str | None,
    request_digest: str,
    lost_seconds: int,
) -> bool:
    """Whether it is ours to answer: nobody has that key, or who had it began so long ago that it is lost."""
    if idempotency_key is not None:
        own = (ReplyRow.tenant_id == tenant_id, ReplyRow.idempotency_key == idempotency_key)
        session.execute(delete(ReplyRow).where(*own, ReplyRow.status.is_(None), ~_is_young(lost_seconds)))
    row = insert(ReplyRow).values(
        id=reply_id, tenant_id=tenant_id, idempotency_key=idempotency_key, request_digest=request_digest
    )
    row = row.on_conflict_do_nothing(
        index_elements=["tenant_id", "idempotency_key"], index_where=text("idempotency_key IS NOT NULL")
    )
    return session.execute(row.returning(ReplyRow.id)).one_or_none() is not None


def find_reply_by_key(session: Session, *, tenant_id: str, idempotency_key: str) -> Reply | None:
    """The tenant's reply under that key."""
    return _read(session, ReplyRow.tenant_id == tenant_id, ReplyRow.idempotency_key == idempotency_key)


def find_reply_by_request(
    session: Session, *, tenant_id: str, request_digest: str, within_seconds: int
) -> Reply | None:
    """The tenant's latest reply to the same request, begun not longer ago than that."""
    same = (ReplyRow.tenant_id == tenant_id, ReplyRow.request_digest == request_digest)
    return _read(session, *same, _is_young(within_seconds))


def read_reply(session: Session, *, reply_id: str) -> Reply | None:
    """The reply as it stands; None once it was forgotten."""
    return _read(session, ReplyRow.id == reply_id)


def keep_reply(session: Session, *, reply_id: str, status: int, body: str) -> None:
    """From now on whoever sends the same again gets this."""
    session.execute(update(ReplyRow).where(ReplyRow.id == reply_id).values(status=status, body=body))


def forget_reply(session: Session, *, reply_id: str) -> None:
    """Whoever sends the same again is answered anew."""
    session.execute(delete(ReplyRow).where(ReplyRow.id == reply_id))


def forget_old_replies(session: Session, *, older_seconds: int) -> None:
    """Those of all tenants that were begun before that."""
    session.execute(delete(ReplyRow).where(~_is_young(older_seconds)))


def _read(session: Session, *which: ColumnElement[bool]) -> Reply | None:
    row = session.execute(_REPLY.where(*which).order_by(ReplyRow.created_at.desc()).limit(1)).one_or_none()
    return None if row is None else Reply(**row._mapping)


def _is_young(seconds: int) -> ColumnElement[bool]:
    return ReplyRow.created_at > func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
