"""API keys: given out once, known by their digest, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update
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


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What a request's key is worth."""

    key: ApiKey | None
    is_locked: bool  # whether a key was ever given out: from then on nobody comes in without one


# One statement, which every request pays for.
_ADMIT = text("""
    SELECT EXISTS (SELECT FROM api_key) AS is_locked, api_key.*
    FROM (SELECT) AS request LEFT JOIN api_key ON digest = CAST(:digest AS bytea) AND revoked_at IS NULL
""")
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


def admit(session: Session, *, digest: bytes | None) -> Admission:
    """Who comes with a key of this digest, or with none; a key that was revoked is as good as none."""
    row = session.execute(_ADMIT, {"digest": digest}).one()._mapping
    key = None if row["id"] is None else ApiKey(**{name: row[name] for name in ApiKey.__dataclass_fields__})
    return Admission(key=key, is_locked=row["is_locked"])


def has_keys(session: Session) -> bool:
    """Whether a key was ever given out: from then on nobody comes in without one."""
    return admit(session, digest=None).is_locked


def list_keys(session: Session) -> list[ApiKey]:
    """Every key, by tenant and age."""
    rows = select(*_COLUMNS).order_by(ApiKeyRow.tenant_id, ApiKeyRow.created_at)
    return [ApiKey(**row._mapping) for row in session.execute(rows)]


def revoke_key(session: Session, *, key_id: str) -> bool:
    """Whether the key was in use; it opens nothing from now on."""
    now = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    revoked = session.execute(now.values(revoked_at=func.clock_timestamp()).returning(ApiKeyRow.id))
    return revoked.one_or_none() is not None
