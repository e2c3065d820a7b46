"""How predictor versions fare between trainings: what is known of each, its correction, and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from db.arrays import among
from db.tables import DriftAlarmRow, PredictorDriftRow, PredictorVersionRow


@dataclass(frozen=True, kw_only=True)
class StoredDrift:
    """What is known of one predictor version."""

    predictor_version_id: int
    outcomes: int  # that were looked at
    watch: Mapping[str, Any]
    log_odds_offset: float
    cost_ratio: float


class StoredCorrection(NamedTuple):
    """How a version's predictions are corrected."""

    log_odds_offset: float
    cost_ratio: float


@dataclass(frozen=True, kw_only=True)
class ServingDrift:
    """What is known of a version that serves."""

    strategy: str
    engine: str
    spec_hash: str
    outcomes: int
    log_odds_offset: float
    cost_ratio: float


@dataclass(frozen=True, kw_only=True)
class NewAlarm:
    """That a version was found not to hold any more, or that the alarm before it was false."""

    predictor_version_id: int
    strategy_id: int
    broken: str  # or WITHDRAWN
    outcomes: float
    predicted: float
    observed: float


@dataclass(frozen=True, kw_only=True)
class DriftAlarm:
    """An alarm of a version that still serves; of one that was withdrawn the answers since then, and when that was."""

    strategy: str
    engine: str
    spec_hash: str
    broken: str
    outcomes: float
    predicted: float
    observed: float
    created_at: datetime


_DRIFT = [getattr(PredictorDriftRow, name) for name in StoredDrift.__dataclass_fields__]

# In the place of what is broken: the version's alarm before it, about what is right, was false.
WITHDRAWN = "withdrawn"

# Alarms, each with what was told before and after it of the same version: costs are a line of their own.
IN_LINE = """
    SELECT alarm.*, lag(broken) OVER line AS broken_before, lead(broken) OVER line AS broken_after
    FROM drift_alarm AS alarm WHERE {which}
    WINDOW line AS (PARTITION BY predictor_version_id, broken = 'dearer' ORDER BY id)
"""

# A version serves every version of the strategy that answers alike: its name is that of the one it was trained for.
_OF_SERVING = f"""
    SELECT DISTINCT ON (alarm.predictor_version_id, alarm.broken)
           strategy.name AS strategy, strategy.spec ->> 'engine' AS engine, version.spec_hash, {{broken}},
           alarm.outcomes, alarm.predicted, alarm.observed, alarm.created_at
    FROM ({IN_LINE.format(which="true")}) AS alarm
    JOIN predictor_version AS version ON version.id = alarm.predictor_version_id AND version.state = 'champion'
    JOIN strategy ON strategy.id = version.strategy_id
    WHERE {{which}}
    ORDER BY alarm.predictor_version_id, alarm.broken, alarm.id DESC
"""  # noqa: S608 - our own constants
_STANDING = text(
    _OF_SERVING.format(
        broken="alarm.broken",
        which=f"alarm.broken <> '{WITHDRAWN}' AND alarm.broken_after IS DISTINCT FROM '{WITHDRAWN}'",
    )
)
_WITHDRAWN = text(
    _OF_SERVING.format(
        broken="alarm.broken_before AS broken",
        which=f"alarm.broken = '{WITHDRAWN}' AND alarm.broken_after IS NULL",
    )
)


_SERVING = text("""
    SELECT strategy.name AS strategy, strategy.spec ->> 'engine' AS engine, version.spec_hash, drift.outcomes,
           drift.log_odds_offset, drift.cost_ratio
    FROM predictor_drift AS drift
    JOIN predictor_version AS version ON version.id = drift.predictor_version_id AND version.state = 'champion'
    JOIN strategy ON strategy.id = version.strategy_id
    ORDER BY strategy.name, drift.predictor_version_id
""")


def read_drifts(session: Session, *, version_ids: Sequence[int]) -> dict[int, StoredDrift]:
    """What is known of those of these versions that anything is known of."""
    rows = session.execute(select(*_DRIFT).where(among(PredictorDriftRow.predictor_version_id, version_ids)))
    return {row.predictor_version_id: StoredDrift(**row._mapping) for row in rows}


def read_corrections(session: Session, *, version_ids: Sequence[int]) -> dict[int, StoredCorrection]:
    """The corrections of those of these versions that have one."""
    own = PredictorDriftRow
    query = select(own.predictor_version_id, own.log_odds_offset, own.cost_ratio)
    rows = session.execute(query.where(among(own.predictor_version_id, version_ids)))
    return {row.predictor_version_id: StoredCorrection(row.log_odds_offset, row.cost_ratio) for row in rows}


def store_drift(session: Session, *, drift: StoredDrift) -> None:
    """In place of what was known of the version."""
    tenant = select(PredictorVersionRow.tenant_id).where(PredictorVersionRow.id == drift.predictor_version_id)
    known = {name: getattr(drift, name) for name in StoredDrift.__dataclass_fields__}
    row = upsert(PredictorDriftRow).values(tenant_id=tenant.scalar_subquery(), **known)
    again = {name: row.excluded[name] for name in known if name != "predictor_version_id"}
    now = {"updated_at": func.clock_timestamp()}
    session.execute(row.on_conflict_do_update(index_elements=["predictor_version_id"], set_={**again, **now}))


def append_alarm(session: Session, *, alarm: NewAlarm) -> None:
    """Tell it to whoever looks."""
    tenant = select(PredictorVersionRow.tenant_id).where(PredictorVersionRow.id == alarm.predictor_version_id)
    values = {name: getattr(alarm, name) for name in NewAlarm.__dataclass_fields__}
    session.execute(insert(DriftAlarmRow).values(tenant_id=tenant.scalar_subquery(), **values))


def list_serving_drifts(session: Session) -> list[ServingDrift]:
    """Of each version that serves and was looked at, what is known."""
    return [ServingDrift(**row._mapping) for row in session.execute(_SERVING)]


def list_standing_alarms(session: Session) -> list[DriftAlarm]:
    """Of each version that serves, the latest alarm of each kind that was not withdrawn.

    They stand until another version serves.
    """
    return [DriftAlarm(**row._mapping) for row in session.execute(_STANDING)]


def list_withdrawn_alarms(session: Session) -> list[DriftAlarm]:
    """Of each version that serves, the alarm that was withdrawn, where that is the last that was told of it."""
    return [DriftAlarm(**row._mapping) for row in session.execute(_WITHDRAWN)]
