"""Files as they are known: stored, read, listed, forgotten. Of another tenant's, nothing is ever read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.pages import PageAsked, cut_page
from db.states import FilePurpose
from db.tables import FileRow
from db.text import is_storable


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file's row."""

    id: str
    tenant_id: str
    purpose: FilePurpose
    filename: str
    size_bytes: int
    sha256: str
    created_at: datetime
    expires_at: datetime | None


_COLUMNS = [getattr(FileRow, name) for name in StoredFile.__dataclass_fields__]
_ALIVE = FileRow.expires_at.is_(None) | (FileRow.expires_at > func.clock_timestamp())


def store_file(
    session: Session,
    *,
    file_id: str,
    tenant_id: str,
    purpose: FilePurpose,
    filename: str,
    size_bytes: int,
    sha256: str,
    lasts_seconds: int | None = None,
) -> StoredFile:
    """The row of a file whose content is in its place; the same file stored again is one file."""
    expires_at = (
        None if lasts_seconds is None else func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, lasts_seconds)
    )
    row = insert(FileRow).values(
        id=file_id,
        tenant_id=tenant_id,
        purpose=purpose,
        filename=filename,
        size_bytes=size_bytes,
        sha256=sha256,
        expires_at=expires_at,
    )
    row = row.on_conflict_do_update(index_elements=["id"], set_={"size_bytes": size_bytes, "sha256": sha256})
    return StoredFile(**session.execute(row.returning(*_COLUMNS)).one()._mapping)


def read_file(session: Session, *, tenant_id: str, file_id: str) -> StoredFile | None:
    """The tenant's file, unless it has expired; None when there is none of that id."""
    named = select(*_COLUMNS).where(FileRow.id == file_id, FileRow.tenant_id == tenant_id, _ALIVE)
    row = session.execute(named).one_or_none() if is_storable(file_id) else None
    return None if row is None else StoredFile(**row._mapping)


def list_files(
    session: Session, *, tenant_id: str, purpose: FilePurpose | None, page: PageAsked
) -> Sequence[StoredFile] | None:
    """The page's files, and one more where others follow; None when the tenant has no such `after`."""
    rows = select(*_COLUMNS).where(_ALIVE)
    if purpose is not None:
        rows = rows.where(FileRow.purpose == purpose)
    cut = cut_page(session, rows, table=FileRow, tenant_id=tenant_id, page=page)
    return None if cut is None else [StoredFile(**row._mapping) for row in session.execute(cut)]


def forget_file(session: Session, *, tenant_id: str, file_id: str) -> bool:
    """Whether the tenant had such a file; it has it no longer."""
    gone = delete(FileRow).where(FileRow.id == file_id, FileRow.tenant_id == tenant_id)
    return session.execute(gone.returning(FileRow.id)).one_or_none() is not None


def forget_expired_files(session: Session) -> Sequence[str]:
    """The ids of files of all tenants whose time was over, and which are known no longer."""
    gone = delete(FileRow).where(FileRow.expires_at <= func.clock_timestamp())
    return list(session.execute(gone.returning(FileRow.id)).scalars())


def list_known_files(session: Session, *, file_ids: Sequence[str]) -> set[str]:
    """Those of these ids, of any tenant, that are files."""
    return set(session.execute(select(FileRow.id).where(FileRow.id.in_(file_ids))).scalars())
