"""Circuit breakers: a strategy that keeps failing is left alone for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, Float, and_, case, exists, extract, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.arrays import among
from db.tables import BreakerRow


@dataclass(frozen=True, kw_only=True)
class OpenBreaker:
    """A strategy that is left alone now."""

    strategy_id: int
    reason: str
    seconds_left: float


# Where the database's clock was set back since, what it noted in its future does not count.
_IS_OPEN = (BreakerRow.open_until > func.clock_timestamp(), BreakerRow.changed_at <= func.clock_timestamp())


def is_open(strategy_id: InstrumentedAttribute[int] | ColumnElement[int]) -> Exists:
    """Whether this strategy is left alone at the moment; for a query."""
    return exists().where(BreakerRow.strategy_id == strategy_id, *_IS_OPEN)


def has_failed(strategy_id: InstrumentedAttribute[int] | ColumnElement[int]) -> Exists:
    """Whether this strategy's latest batch failed, as far as anybody noted; for a query."""
    return exists().where(BreakerRow.strategy_id == strategy_id, BreakerRow.failures > 0)


def list_open_breakers(session: Session, *, strategy_ids: Sequence[int] | None = None) -> list[OpenBreaker]:
    """Those of these strategies (of all) that are left alone now."""
    left = extract("epoch", BreakerRow.open_until - func.clock_timestamp()).cast(Float).label("seconds_left")
    query = select(BreakerRow.strategy_id, BreakerRow.reason, left)
    query = query.where(*_IS_OPEN).order_by(BreakerRow.strategy_id)
    if strategy_ids is not None:
        query = query.where(among(BreakerRow.strategy_id, strategy_ids))
    return [OpenBreaker(**row._mapping) for row in session.execute(query)]


def list_failing(session: Session, *, strategy_ids: Sequence[int]) -> list[OpenBreaker]:
    """Those of these strategies whose latest batch failed; `seconds_left` is 0 of those that are not left alone."""
    left = case(
        (and_(*_IS_OPEN), extract("epoch", BreakerRow.open_until - func.clock_timestamp()).cast(Float)), else_=0
    )
    query = select(BreakerRow.strategy_id, BreakerRow.reason, left.label("seconds_left"))
    query = query.where(BreakerRow.failures > 0, among(BreakerRow.strategy_id, strategy_ids))
    rows = session.execute(query.order_by(BreakerRow.strategy_id))
    return [OpenBreaker(**row._mapping) for row in rows]


# While it is open its groups that still run may fail as well: they do not make it longer.
_NOTE_FAILURE = text("""
    INSERT INTO breaker AS known (tenant_id, strategy_id, failures, openings, open_until, reason)
    SELECT tenant_id, id, 1, CASE WHEN :threshold <= 1 THEN 1 ELSE 0 END,
           CASE WHEN :threshold <= 1 THEN clock_timestamp() + make_interval(secs => :pause) END, :reason
    FROM strategy WHERE id = :strategy_id
    ON CONFLICT (strategy_id) DO UPDATE
    SET failures = known.failures + 1, changed_at = clock_timestamp(), reason = excluded.reason,
        openings = known.openings + CASE WHEN known.failures + 1 >= :threshold THEN 1 ELSE 0 END,
        open_until = CASE WHEN known.failures + 1 >= :threshold
                     THEN clock_timestamp() + make_interval(secs => least(:longest, :pause * 2.0 ^ known.openings)) END
    WHERE known.open_until IS NULL OR known.open_until <= clock_timestamp()
    RETURNING open_until
""")

_NOTE_SUCCESS = text("""
    UPDATE breaker SET failures = 0, openings = 0, open_until = NULL, changed_at = clock_timestamp()
    WHERE strategy_id = :strategy_id AND failures > 0 AND (open_until IS NULL OR open_until <= clock_timestamp())
""")


def note_failure(
    session: Session,
    *,
    strategy_id: int,
    reason: str,
    threshold: int,
    pause_seconds: float,
    longest_pause_seconds: float,
) -> datetime | None:
    """Until when the strategy is left alone, if this failure, in a row with earlier ones, was one too many."""
    values = {"threshold": threshold, "pause": pause_seconds, "longest": longest_pause_seconds}
    row = session.execute(_NOTE_FAILURE, {"strategy_id": strategy_id, "reason": reason, **values}).one_or_none()
    return None if row is None else row.open_until


def note_success(session: Session, *, strategy_id: int) -> None:
    """The strategy works: what failed before does not count any more."""
    session.execute(_NOTE_SUCCESS, {"strategy_id": strategy_id})
