"""Tables of who is at work and how strategies fare: nothing here decides about money or answers."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from db.states import TrainingScope
from db.tables.base import Base, BigId, BigRef, Created, Ids, Tenant, text_enum


class BreakerRow(Base):
    """How often a strategy failed in a row, and until when it is left alone."""

    __tablename__ = "breaker"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "strategy_id"], ["strategy.tenant_id", "strategy.id"]),)

    tenant_id: Mapped[Tenant]
    strategy_id: Mapped[BigRef] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")  # batches in a row
    openings: Mapped[int] = mapped_column(server_default="0")  # in a row: each lasts twice as long as the one before
    open_until: Mapped[datetime | None]  # in the past: it is on trial, and one more failure opens it again
    reason: Mapped[str] = mapped_column(server_default="")
    changed_at: Mapped[Created]


class WorkerRow(Base):
    """A worker that was seen lately."""

    __tablename__ = "worker"

    owner: Mapped[str] = mapped_column(primary_key=True)  # as in the leases that it holds
    queues: Mapped[list[str]] = mapped_column(ARRAY(Text))
    strategy_ids: Mapped[Ids]  # that its engine serves
    started_at: Mapped[Created]
    seen_at: Mapped[Created]


class TrainingRequestRow(Base):
    """A training that somebody asked for; running it twice does no harm."""

    __tablename__ = "training_request"

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    requested_at: Mapped[Created]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None]
    scope: Mapped[TrainingScope] = mapped_column(text_enum(TrainingScope, name="scope"), server_default="news")
    cutoff: Mapped[datetime | None]  # NULL: everything that is committed when it is trained
