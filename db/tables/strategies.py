"""Tables of what tasks can be routed to, and of the predictors that foresee it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.states import PredictorState, StrategyMode
from db.tables.base import Base, BigId, BigRef, Created, Tenant, text_enum


class StrategyRow(Base):
    """One version of a strategy: a new tariff or a changed spec makes the next one."""

    __tablename__ = "strategy"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "name", "version"),
        Index(None, "tenant_id", "spec_hash"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    name: Mapped[str]
    version: Mapped[int]
    spec_hash: Mapped[str]  # equal for versions that answer alike, whatever they charge
    spec: Mapped[dict[str, Any]] = mapped_column(JSONB)
    tariff: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[Created]


class StrategyChangeRow(Base):
    """That a strategy was enabled, shadowed, disabled or retired; the latest row of a name counts."""

    __tablename__ = "strategy_change"
    __table_args__ = (Index(None, "tenant_id", "name", "id"),)

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    name: Mapped[str]  # of all versions
    mode: Mapped[StrategyMode] = mapped_column(text_enum(StrategyMode, name="mode"))
    changed_by: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[Created]


class PredictorVersionRow(Base):
    """One trained predictor pair of a strategy, for one encoder."""

    __tablename__ = "predictor_version"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "strategy_id"], ["strategy.tenant_id", "strategy.id"]),
        UniqueConstraint("tenant_id", "spec_hash", "encoder", "version"),
        Index(
            "predictor_version_champion_key",
            "tenant_id",
            "spec_hash",
            "encoder",
            unique=True,
            postgresql_where=text("state = 'champion'"),
        ),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    strategy_id: Mapped[BigRef]  # the strategy version that it was trained for
    spec_hash: Mapped[str]  # it serves every strategy version with this hash
    version: Mapped[int]
    encoder: Mapped[str]
    artefact: Mapped[bytes] = mapped_column(LargeBinary)  # safetensors
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB)  # `metadata` is taken by SQLAlchemy
    state: Mapped[PredictorState] = mapped_column(text_enum(PredictorState, name="state"))
    created_at: Mapped[Created]
    report: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")  # why it serves, or does not
    crowned_at: Mapped[datetime | None]  # when it last became champion
    retired_at: Mapped[datetime | None]  # when it made way for the next one; None while it serves
