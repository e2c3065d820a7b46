"""Tables of what was submitted: the job, its tasks and what was predicted for them."""

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

from db.states import JobKind, JobState
from db.tables.base import Base, BigId, BigRef, Created, Ids, Tenant, text_enum


class JobRow(Base):
    """One submission: a set of tasks drawing on one budget."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint(
            "tenant_id", "id", "kind"
        ),  # so that groups and outcomes can not differ from their job in kind
        ForeignKeyConstraint(["tenant_id", "budget_id"], ["budget.tenant_id", "budget.id"]),
        CheckConstraint("cursor_seq BETWEEN 0 AND task_count", name="cursor_within_tasks"),
        CheckConstraint(
            "(state IN ('completed', 'cancelled')) = (finished_at IS NOT NULL)", name="finished_when_final"
        ),
        ForeignKeyConstraint(["tenant_id", "continues_job_id"], ["job.tenant_id", "job.id"]),
        Index(None, "budget_id"),
        Index("job_open_idx", "budget_id", postgresql_where=text("finished_at IS NULL")),
        Index(None, "continues_job_id"),
    )

    id: Mapped[BigId]
    tenant_id: Mapped[Tenant]
    kind: Mapped[JobKind] = mapped_column(text_enum(JobKind, name="kind"))
    state: Mapped[JobState] = mapped_column(text_enum(JobState, name="state"))
    objective: Mapped[dict[str, Any]] = mapped_column(JSONB)
    budget_id: Mapped[BigRef]
    task_count: Mapped[int] = mapped_column(server_default="0")
    cursor_seq: Mapped[int] = mapped_column(server_default="0")
    strategy_ids: Mapped[Ids]
    encoder: Mapped[str]
    meta: Mapped[dict[str, Any]] = mapped_column(JSONB)
    submitted_at: Mapped[Created]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(server_default="0")  # higher goes first
    deadline: Mapped[datetime | None]  # among equal priorities, the earliest goes first
    paused: Mapped[bool] = mapped_column(server_default=text("false"))  # nothing new is started
    promised: Mapped[bool] = mapped_column(server_default=text("false"))  # its budget keeps free what its tasks need
    twins: Mapped[int] = mapped_column(server_default="0")  # tasks that are answered by an identical one
    continues_job_id: Mapped[int | None] = mapped_column(BigInteger)  # whose unanswered tasks these are
    # Whether tasks with invalid answers may be asked once more.
    second_chances: Mapped[bool] = mapped_column(server_default=text("false"))
    outline: Mapped[bytes | None] = mapped_column(LargeBinary)  # of its tasks' kind, for drift; not in `Job`


class TwinRow(Base):
    """A task that is identical to an earlier one of its job, and has that one's answer."""

    __tablename__ = "twin"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        CheckConstraint("leader_seq < seq", name="leader_is_earlier"),
        Index(None, "job_id", "leader_seq"),
    )

    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    leader_seq: Mapped[int]


class TaskRow(Base):
    """One prompt to answer. Written once: all that changes about a task is in other tables.

    It has no foreign key to its job, which would be looked at again for each of a million tasks: that a job has the
    tasks that it counts is an invariant instead.
    """

    __tablename__ = "task"
    __table_args__ = (UniqueConstraint("job_id", "custom_id"),)

    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    custom_id: Mapped[str]
    payload: Mapped[str]


class PredictionBlockRow(Base):
    """Predictions for tasks lo..hi-1 of a job; arrays (hi - lo, strategies), C order, little endian."""

    __tablename__ = "prediction_block"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        CheckConstraint("lo >= 0 AND hi > lo", name="range"),
    )

    tenant_id: Mapped[Tenant]
    job_id: Mapped[BigRef] = mapped_column(primary_key=True)
    lo: Mapped[int] = mapped_column(primary_key=True)
    hi: Mapped[int]
    predictor_version_ids: Mapped[Ids]
    accuracy: Mapped[bytes] = mapped_column(LargeBinary)  # float32, NaN = not eligible
    cost: Mapped[bytes] = mapped_column(LargeBinary)  # float64 quanta
    worst_cost: Mapped[bytes] = mapped_column(LargeBinary)  # float64 quanta
    prompt_tokens: Mapped[bytes] = mapped_column(LargeBinary)  # int32
    created_at: Mapped[Created]
