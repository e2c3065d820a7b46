"""API keys: given out once, known by their digest, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.tables import ApiKeyRow


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key as it is known: whose it is, and what it may do."""

    id: str
    tenant_id: str
    name: str
    budgets: Sequence[str] | None  # None: any of the tenant's, or a budget of the batch's own
    requests_per_minute: int | None  # None: as many as it likes
    max_file_bytes: int | None  # None: what the server takes
    created_at: datetime
    revoked_at: datetime | None


_COLUMNS = [getattr(ApiKeyRow, name) for name in ApiKey.__dataclass_fields__]


def store_key(
    session: Session,
    *,
    key_id: str,
    tenant_id: str,
    name: str,
    digest: bytes,
    budgets: Sequence[str] | None,
    requests_per_minute: int | None,
    max_file_bytes: int | None,
) -> bool:
    """Whether the key is stored; False when the tenant has one of that name."""
    row = insert(ApiKeyRow).values(
        id=key_id,
        tenant_id=tenant_id,
        name=name,
        digest=digest,
        budgets=None if budgets is None else list(budgets),
        requests_per_minute=requests_per_minute,
        max_file_bytes=max_file_bytes,
    )
    row = row.on_conflict_do_nothing(index_elements=["tenant_id", "name"])
    return session.execute(row.returning(ApiKeyRow.id)).one_or_none() is not None


def find_key(session: Session, *, digest: bytes) -> ApiKey | None:
    """The key with this digest, unless it was revoked."""
    known = select(*_COLUMNS).where(ApiKeyRow.digest == digest, ApiKeyRow.revoked_at.is_(None))
    row = session.execute(known).one_or_none()
    return None if row is None else ApiKey(**row._mapping)


def has_keys(session: Session) -> bool:
    """Whether a key was ever given out: from then on nobody comes in without one."""
    return session.execute(select(exists().where(ApiKeyRow.id.is_not(None)))).scalar_one()


def list_keys(session: Session) -> list[ApiKey]:
    """Every key, by tenant and age."""
    rows = select(*_COLUMNS).order_by(ApiKeyRow.tenant_id, ApiKeyRow.created_at)
    return [ApiKey(**row._mapping) for row in session.execute(rows)]


def revoke_key(session: Session, *, key_id: str) -> bool:
    """Whether the key was in use; it opens nothing from now on."""
    now = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    revoked = session.execute(now.values(revoked_at=func.clock_timestamp()).returning(ApiKeyRow.id))
    return revoked.one_or_none() is not None
