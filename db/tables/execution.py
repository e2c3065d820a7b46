"""Tables of what happened to tasks: attempts, requeues, kept answers, outcomes and labels."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.states import JobKind, OutcomeSource, RequeueReason
from db.tables.base import Base, BigId, BigRef, Created, Ids, Quanta, Tenant, text_enum


class AttemptRow(Base):
    """An execution that was not final: burned with its worker, failed in a way that may pass, or no better than the
    answer that was kept.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "grp_id"], ["grp.tenant_id", "grp.id"]),
        Index(None, "job_id", "seq"),
    )

    tenant_id: Mapped[Tenant]
    grp_id: Mapped[BigRef] = mapped_column(primary_key=True)
    fence: Mapped[BigRef] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[BigRef]
    error_code: Mapped[str]
    error_message: Mapped[str]
    prompt_tokens: Mapped[int | None]  # NULL when nobody lived to count them
    output_tokens: Mapped[int | None]
    cost: Mapped[int] = mapped_column(Quanta)
    ended_at: Mapped[Created]


class RequeueRow(Base):
    """A task's way back to routing, or the stated reason why it has no outcome.

    Waiting: window_id is NULL. Taken by a window: window_id is set. Past: routed_at is set.
    """

    __tablename__ = "requeue"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        ForeignKeyConstraint(["tenant_id", "from_grp_id"], ["grp.tenant_id", "grp.id"]),
        ForeignKeyConstraint(["tenant_id", "window_id"], ["task_window.tenant_id", "task_window.id"]),
        CheckConstraint("routed_at IS NULL OR window_id IS NOT NULL", name="routed_by_a_window"),
        CheckConstraint(
            "window_id IS NULL OR reason NOT IN ('budget_exhausted', 'not_eligible', 'cancelled')", name="final_stays"
        ),
        # A task waits at most once for each arm.
        Index("requeue_live_key", "job_id", "seq", "arm", unique=True, postgresql_where=text("routed_at IS NULL")),
        Index(
            "requeue_waiting_idx",
            "job_id",
            "not_before",
            "id",
            postgresql_where=text("window_id IS NULL AND reason IN ('denied', 'retry', 'recalled', 'second_chance')"),
        ),
        Index(None, "from_grp_id"),
        Index(None, "window_id"),
        Index(None, "job_id", "seq", "arm", "id"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef]
    seq: Mapped[int]
    arm: Mapped[BigRef]
    attempt_no: Mapped[int]  # executions so far that were not final
    reason: Mapped[RequeueReason] = mapped_column(text_enum(RequeueReason, name="reason"))
    excluded_strategy_ids: Mapped[Ids]
    from_grp_id: Mapped[int | None] = mapped_column(BigInteger)  # NULL when routing found no strategy for it
    window_id: Mapped[int | None] = mapped_column(BigInteger)
    not_before: Mapped[Created]
    routed_at: Mapped[datetime | None]
    created_at: Mapped[Created]


class OutcomeRow(Base):
    """A finished attempt: answer, true cost and, where known, correctness. Written once.

    It has no foreign keys: one to task would lock, and so rewrite, every task row, and each of the others costs as much
    as the row itself. That each outcome has its task, and is of its group's job and strategy, are invariants instead.
    """

    __tablename__ = "outcome"
    __table_args__ = (
        CheckConstraint("arm = CASE kind WHEN 'run' THEN 0 ELSE strategy_id END", name="arm_fits_kind"),
        CheckConstraint("(source = 'engine') = (grp_id IS NOT NULL)", name="group_when_executed"),
        CheckConstraint("num_nulls(grp_id, fence) IN (0, 2)", name="fence_with_group"),
        CheckConstraint("correct BETWEEN 0 AND 1", name="correct_is_a_share"),
        CheckConstraint("prompt_tokens >= 0 AND output_tokens >= 0 AND cost >= 0", name="not_negative"),
        CheckConstraint("cached_prompt_tokens BETWEEN 0 AND prompt_tokens", name="cached_within_prompt"),
        Index(None, "strategy_id", "created_at"),
        Index("outcome_asked_idx", "strategy_id", "created_at", postgresql_where=text("kind <> 'run'")),
        Index("outcome_without_group_idx", "job_id", postgresql_where=text("grp_id IS NULL")),
    )

    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    arm: Mapped[BigRef] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(text_enum(JobKind, name="kind"))
    strategy_id: Mapped[BigRef]
    grp_id: Mapped[int | None] = mapped_column(BigInteger)
    fence: Mapped[int | None] = mapped_column(BigInteger)
    answer: Mapped[str]
    response: Mapped[dict[str, Any]] = mapped_column(JSONB)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    prompt_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost: Mapped[int] = mapped_column(Quanta)
    correct: Mapped[float | None]
    latency_seconds: Mapped[float | None]
    propensity: Mapped[float | None]
    source: Mapped[OutcomeSource] = mapped_column(text_enum(OutcomeSource, name="source"))
    created_at: Mapped[Created]
    cached_prompt_tokens: Mapped[int] = mapped_column(server_default="0")


class KeptAnswerRow(Base):
    """An answer that is invalid by itself, kept while its task has a second chance, and as it was found for ever.

    It becomes the task's outcome, column by column, unless the second chance brings a better one. A twin's own grade of
    its leader's answer is a row as well.
    """

    __tablename__ = "kept_answer"
    __table_args__ = (
        CheckConstraint("kind = 'run' AND arm = 0", name="of_a_run"),
        CheckConstraint("(source = 'engine') = (grp_id IS NOT NULL)", name="group_when_executed"),
        CheckConstraint("num_nulls(grp_id, fence) IN (0, 2)", name="fence_with_group"),
        Index(None, "strategy_id", "created_at"),
        Index(None, "grp_id"),
    )

    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    arm: Mapped[BigRef]
    kind: Mapped[JobKind] = mapped_column(text_enum(JobKind, name="kind"))
    strategy_id: Mapped[BigRef]
    grp_id: Mapped[int | None] = mapped_column(BigInteger)
    fence: Mapped[int | None] = mapped_column(BigInteger)
    failure: Mapped[str]  # why it is invalid
    score: Mapped[float]  # how far it is from that, 0..1, as far as can be told without a reference
    answer: Mapped[str]
    response: Mapped[dict[str, Any]] = mapped_column(JSONB)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    prompt_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost: Mapped[int] = mapped_column(Quanta)
    correct: Mapped[float | None]
    latency_seconds: Mapped[float | None]
    propensity: Mapped[float | None]
    source: Mapped[OutcomeSource] = mapped_column(text_enum(OutcomeSource, name="source"))
    created_at: Mapped[Created]
    cached_prompt_tokens: Mapped[int]


class LabelRow(Base):
    """Correctness of an outcome from one source (a person, a judge); a later row replaces an earlier one."""

    __tablename__ = "label"
    __table_args__ = (
        ForeignKeyConstraint(["job_id", "seq", "arm"], ["outcome.job_id", "outcome.seq", "outcome.arm"]),
        CheckConstraint("correct BETWEEN 0 AND 1", name="correct_is_a_share"),
        Index(None, "job_id", "seq", "arm", "id"),
        Index(None, "created_at"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef]
    seq: Mapped[int]
    arm: Mapped[BigRef]
    source: Mapped[str]
    correct: Mapped[float]
    created_at: Mapped[Created]
    given_by: Mapped[str | None]  # None: before this was kept
