"""Pages of a list: so many rows, from behind one of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from db.tables import BatchRow, FileRow
from db.text import is_storable


@dataclass(frozen=True, kw_only=True)
class PageAsked:
    """Which rows of a list: at most `limit`, behind the row called `after`."""

    limit: int
    after: str | None = None
    ascending: bool = False  # the oldest first


def cut_page(
    session: Session,
    rows: Select[Any],
    *,
    table: type[FileRow | BatchRow],
    tenant_id: str,
    page: PageAsked,
) -> Select[Any] | None:
    """The rows of the page, and one more where others follow; None when the tenant has no such `after`."""
    order = table.number.asc() if page.ascending else table.number.desc()
    cut = rows.where(table.tenant_id == tenant_id).order_by(order).limit(page.limit + 1)
    if page.after is None:
        return cut
    named = select(table.number).where(table.id == page.after, table.tenant_id == tenant_id)
    number = session.execute(named).scalar_one_or_none() if is_storable(page.after) else None
    if number is None:
        return None
    return cut.where(table.number > number if page.ascending else table.number < number)
