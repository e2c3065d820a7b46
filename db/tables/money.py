"""Tables of the budget and the ledger behind it."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.states import BudgetPeriod, EntryKind
from db.tables.base import Amounts, Base, BigId, BigRef, Created, Quanta, Seqs, Tenant, text_enum


class BudgetRow(Base):
    """A cap in one unit and what was done under it; always the sum of its ledger entries."""

    __tablename__ = "budget"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        # A NULL cap passes: it is how a job without a budget is kept in the ledger.
        CheckConstraint("spent + burned + reserved <= cap", name="within_cap"),
        CheckConstraint(
            "cap >= 0 AND reserved >= 0 AND spent >= 0 AND burned >= 0 AND overrun >= 0", name="not_negative"
        ),
        CheckConstraint("kept >= 0", name="kept_not_negative"),
        CheckConstraint("(period IS NULL) = (period_start IS NULL)", name="period_has_a_start"),
        CheckConstraint("period IS NULL OR shared", name="period_is_shared"),
        CheckConstraint("expected_tasks > 0", name="expects_some"),
        # NULLs are equal here: a budget without a period has one row.
        Index(
            "budget_shared_key",
            "tenant_id",
            "name",
            "period_start",
            unique=True,
            postgresql_where=text("shared"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    name: Mapped[str]
    unit: Mapped[str]
    cap: Mapped[int | None] = mapped_column(Quanta)
    reserved: Mapped[int] = mapped_column(Quanta, server_default="0")
    spent: Mapped[int] = mapped_column(Quanta, server_default="0")
    burned: Mapped[int] = mapped_column(Quanta, server_default="0")
    overrun: Mapped[int] = mapped_column(Quanta, server_default="0")
    created_at: Mapped[Created]
    # Kept free for the least worst cases of tasks that were promised an answer and not started; NULL: none promised.
    kept: Mapped[int | None] = mapped_column(Quanta, server_default="0")
    shared: Mapped[bool] = mapped_column(server_default=text("false"))  # found by its name, by any job of the tenant
    period: Mapped[BudgetPeriod | None] = mapped_column(text_enum(BudgetPeriod, name="period"))
    period_start: Mapped[datetime | None]
    expected_tasks: Mapped[int | None]  # of all its jobs, in each period: what has not come yet is planned for


class LedgerEntryRow(Base):
    """One change of a budget; a reserve entry also marks its tasks as started."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "budget_id"], ["budget.tenant_id", "budget.id"]),
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        ForeignKeyConstraint(["tenant_id", "grp_id"], ["grp.tenant_id", "grp.id"]),
        UniqueConstraint("grp_id", "fence", "batch_no", "kind"),
        CheckConstraint("(kind IN ('raise', 'lower')) = (grp_id IS NULL)", name="source"),
        CheckConstraint("num_nulls(grp_id, fence, batch_no, job_id) IN (0, 4)", name="source_is_whole"),
        CheckConstraint("cardinality(seqs) = cardinality(amounts)", name="amount_per_task"),
        CheckConstraint(
            "CASE kind"
            " WHEN 'raise' THEN cap_delta >= 0"
            " AND reserved_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0"
            " WHEN 'lower' THEN cap_delta < 0"
            " AND reserved_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0"
            " WHEN 'reserve' THEN reserved_delta >= 0"
            " AND cap_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0"
            " WHEN 'settle' THEN spent_delta >= 0 AND reserved_delta = - spent_delta AND overrun_delta >= 0"
            " AND cap_delta = 0 AND burned_delta = 0"
            " WHEN 'release' THEN reserved_delta < 0"
            " AND cap_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0"
            " WHEN 'burn' THEN burned_delta >= 0 AND reserved_delta = - burned_delta"
            " AND cap_delta = 0 AND spent_delta = 0 AND overrun_delta = 0"
            " END",
            name="deltas_fit_kind",
        ),
        Index(None, "budget_id", "id"),
        Index(None, "job_id", "id"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    budget_id: Mapped[BigRef]
    kind: Mapped[EntryKind] = mapped_column(text_enum(EntryKind, name="kind"))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    grp_id: Mapped[int | None] = mapped_column(BigInteger)
    fence: Mapped[int | None] = mapped_column(BigInteger)
    batch_no: Mapped[int | None]
    reserved_delta: Mapped[int] = mapped_column(Quanta, server_default="0")
    spent_delta: Mapped[int] = mapped_column(Quanta, server_default="0")
    burned_delta: Mapped[int] = mapped_column(Quanta, server_default="0")
    overrun_delta: Mapped[int] = mapped_column(Quanta, server_default="0")
    cap_delta: Mapped[int] = mapped_column(Quanta, server_default="0")
    seqs: Mapped[Seqs]
    amounts: Mapped[Amounts]
    created_at: Mapped[Created]
