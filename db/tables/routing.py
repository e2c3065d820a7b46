"""Tables of the plan: windows, how they explored, and the groups that they were cut into."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.states import GroupState, JobKind, WindowState
from db.tables.base import Amounts, Base, BigId, BigRef, Created, Quanta, Seqs, Tenant, text_enum


class WindowRow(Base):
    """Tasks that are routed together, with the certificate of their allocation once it is made."""

    __tablename__ = "task_window"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        CheckConstraint("(state = 'claimed') = (lease_until IS NOT NULL)", name="lease_when_claimed"),
        CheckConstraint("(state = 'routed') = (routed_at IS NOT NULL)", name="dated_when_routed"),
        Index("task_window_open_idx", "job_id", "id", postgresql_where=text("state <> 'routed'")),
        Index(None, "job_id"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef]
    seqs: Mapped[Seqs]
    state: Mapped[WindowState] = mapped_column(text_enum(WindowState, name="state"))
    owner: Mapped[str | None]
    fence: Mapped[BigRef]
    lease_until: Mapped[datetime | None]
    allowance: Mapped[int | None] = mapped_column(Quanta)
    shadow_price: Mapped[float | None]
    upper_bound: Mapped[float | None]
    gap: Mapped[float | None]
    predicted_cost: Mapped[int | None] = mapped_column(Quanta)
    created_at: Mapped[Created]
    routed_at: Mapped[datetime | None]
    engine_time: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # of a job with a deadline


class ExplorationRow(Base):
    """The chances with which the tasks of a window got their strategies; only of windows that explored.

    Arrays have a row for each task of the window, and columns for the job's strategies; C order, little endian.
    """

    __tablename__ = "exploration"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "window_id"], ["task_window.tenant_id", "task_window.id"]),
        CheckConstraint("octet_length(best) = octet_length(intended)", name="rows_match"),
        CheckConstraint("octet_length(propensity) % (2 * octet_length(best)) = 0", name="chances_match"),
        Index(None, "job_id", "lo"),
    )

    window_id: Mapped[BigRef] = mapped_column(primary_key=True, autoincrement=False)
    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef]
    lo: Mapped[int]  # the window's first task
    hi: Mapped[int]  # behind its last
    best: Mapped[bytes] = mapped_column(LargeBinary)  # int16 columns that the optimiser chose, -1 = none
    intended: Mapped[bytes] = mapped_column(LargeBinary)  # int16 columns that were drawn
    propensity: Mapped[bytes] = mapped_column(LargeBinary)  # float32; a row sums to 1, or to 0 where none was chosen
    explored: Mapped[Seqs]  # tasks whose draw is not the optimiser's choice
    set_aside: Mapped[int] = mapped_column(Quanta)  # what exploring the window was allowed to cost at its worst
    # In the mean over the draws, as predicted.
    accuracy_given_up: Mapped[float]  # right answers
    extra_cost: Mapped[float]  # quanta
    worst_extra_cost: Mapped[float]  # quanta
    created_at: Mapped[Created]


class GroupRow(Base):
    """One strategy's share of a window: what an engine worker claims."""

    __tablename__ = "grp"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "job_id", "kind"], ["job.tenant_id", "job.id", "job.kind"]),
        ForeignKeyConstraint(["tenant_id", "window_id"], ["task_window.tenant_id", "task_window.id"]),
        ForeignKeyConstraint(["strategy_id"], ["strategy.id"]),  # of the deployment: whatever tenant is served by it
        CheckConstraint("arm = CASE kind WHEN 'run' THEN 0 ELSE strategy_id END", name="arm_fits_kind"),
        CheckConstraint("(state = 'claimed') = (lease_until IS NOT NULL)", name="lease_when_claimed"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished_when_done"),
        CheckConstraint("cardinality(seqs) > 0 AND cardinality(seqs) = cardinality(amounts)", name="amount_per_task"),
        CheckConstraint("cardinality(least) IN (0, cardinality(seqs))", name="least_per_task"),
        CheckConstraint("octet_length(propensities) IN (0, 4 * cardinality(seqs))", name="propensity_per_task"),
        # Kept free of the lease columns, so that heartbeats stay heap-only updates.
        Index("grp_ready_idx", "id", postgresql_where=text("state = 'ready'")),
        Index("grp_claimed_idx", "id", postgresql_where=text("state = 'claimed'")),
        Index("grp_open_idx", "job_id", "id", postgresql_where=text("state <> 'done'")),
        Index("grp_ended_idx", "strategy_id", "finished_at", postgresql_where=text("state = 'done'")),
        Index(None, "job_id"),
        Index(None, "window_id"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef]
    kind: Mapped[JobKind] = mapped_column(text_enum(JobKind, name="kind"))
    window_id: Mapped[BigRef]
    strategy_id: Mapped[BigRef]
    arm: Mapped[BigRef]
    seqs: Mapped[Seqs]
    amounts: Mapped[Amounts]  # worst case of each member
    predicted_cost: Mapped[int] = mapped_column(Quanta)
    state: Mapped[GroupState] = mapped_column(text_enum(GroupState, name="state"))
    owner: Mapped[str | None]
    fence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lease_until: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    next_batch_no: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[Created]
    finished_at: Mapped[datetime | None]
    # What the budget keeps free for each member until it is started; empty: nothing was promised.
    least: Mapped[Amounts] = mapped_column(server_default="{}")
    # Counts of members, so that nobody has to count outcomes.
    started: Mapped[int] = mapped_column(server_default="0")  # reserved for, and not burned since
    settled: Mapped[int] = mapped_column(server_default="0")  # of those: answered, or back at routing
    answered: Mapped[int] = mapped_column(server_default="0")  # with an outcome, twins included
    errors: Mapped[int] = mapped_column(server_default="0")
    graded: Mapped[int] = mapped_column(server_default="0")
    correct: Mapped[float] = mapped_column(server_default="0")
    # float32: with what chance each member was drawn; empty: there was no other; NULL: they came back.
    propensities: Mapped[bytes | None] = mapped_column(LargeBinary, server_default="")
