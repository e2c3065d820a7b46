"""Tables of how predictions fare between trainings."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, BigId, BigRef, Created, Tenant


class SettlementCursorRow(Base):
    """How far a reader of settlements has come."""

    __tablename__ = "settlement_cursor"

    reader: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[BigRef]  # of the ledger


class PredictorDriftRow(Base):
    """What settlements say of one predictor version, and how it is corrected for that."""

    __tablename__ = "predictor_drift"
    __table_args__ = (CheckConstraint("cost_ratio > 0", name="cost_ratio_is_positive"),)

    predictor_version_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("predictor_version.id"), primary_key=True, autoincrement=False
    )
    tenant_id: Mapped[Tenant]
    outcomes: Mapped[BigRef]  # that were looked at
    watch: Mapped[dict[str, Any]] = mapped_column(JSONB)
    log_odds_offset: Mapped[float]  # of its accuracies, as routers apply it
    cost_ratio: Mapped[float]  # of its costs, as routers apply it
    updated_at: Mapped[Created]


class DriftAlarmRow(Base):
    """That a predictor version was found not to hold any more."""

    __tablename__ = "drift_alarm"
    __table_args__ = (Index(None, "predictor_version_id"),)

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    predictor_version_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("predictor_version.id"))
    strategy_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("strategy.id"))  # whose outcome raised it
    broken: Mapped[str]
    outcomes: Mapped[float]  # of the stretch that looked different
    predicted: Mapped[float]  # mean over it
    observed: Mapped[float]
    created_at: Mapped[Created]
