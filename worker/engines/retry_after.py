"""The header by which a server says when to come back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds until then, at least 0; None without the header, or where it is neither seconds nor an HTTP date.

    A date counts from the reply's own `Date` where it has one: the server's clock may differ from ours.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    until = _read_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_read_date(headers.get("Date", "")) or now)).total_seconds())


def _read_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
