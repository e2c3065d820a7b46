"""Tables of trials: predictor versions that are tried, what they predict, and the lots of the windows that try them."""

from datetime import datetime
from typing import Any

from sqlalchemy import REAL, Boolean, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, BigId, BigRef, Created, Ids, Seqs, Tenant


class TrialRow(Base):
    """Versions that are tried together against the champions of their lines: at most one open trial an encoder."""

    __tablename__ = "trial"
    __table_args__ = (
        CheckConstraint("(verdict IS NULL) = (ended_at IS NULL)", name="verdict_when_ended"),
        Index("trial_open_key", "tenant_id", "encoder", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    encoder: Mapped[str]
    predictor_version_ids: Mapped[Ids]
    looks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")  # oldest first
    verdict: Mapped[str | None]  # of its last look
    created_at: Mapped[Created]
    ended_at: Mapped[datetime | None]


class TrialPredictionRow(Base):
    """What versions on trial predict for tasks lo..hi-1; arrays (hi - lo, columns), C order, little endian."""

    __tablename__ = "trial_prediction"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        ForeignKeyConstraint(["trial_id"], ["trial.id"]),  # of the deployment: whatever tenant is served by it
    )

    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef] = mapped_column(primary_key=True)
    lo: Mapped[int] = mapped_column(primary_key=True)
    hi: Mapped[int]
    trial_id: Mapped[BigRef]
    columns: Mapped[Seqs]  # of the job's strategies that have a version on trial
    accuracy: Mapped[bytes] = mapped_column(LargeBinary)  # float32, NaN = not eligible
    cost: Mapped[bytes] = mapped_column(LargeBinary)  # float64 quanta


class TrialWindowRow(Base):
    """The lots of one window: which of its tasks are on trial, and which of those got the challengers' choice."""

    __tablename__ = "trial_window"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "window_id"], ["task_window.tenant_id", "task_window.id"]),
        ForeignKeyConstraint(["trial_id"], ["trial.id"]),  # of the deployment: whatever tenant is served by it
        CheckConstraint(
            "cardinality(seqs) = cardinality(challenged) AND cardinality(seqs) = cardinality(expected)",
            name="lot_per_task",
        ),
        Index(None, "trial_id"),
    )

    window_id: Mapped[BigRef] = mapped_column(primary_key=True)
    tenant_id: Mapped[Tenant]
    trial_id: Mapped[BigRef]
    job_id: Mapped[BigRef]
    price: Mapped[float]  # right answers for a quantum
    tasks: Mapped[int]  # on which both sides had a choice
    apart: Mapped[int]  # of these, on which they differed
    seqs: Mapped[Seqs]  # on trial
    challenged: Mapped[list[bool]] = mapped_column(ARRAY(Boolean))
    expected: Mapped[list[float]] = mapped_column(ARRAY(REAL))  # worth of both choices, the mean, as was predicted
    created_at: Mapped[Created]
