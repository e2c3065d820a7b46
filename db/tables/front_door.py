"""Tables of the HTTP API: files, batches, replies that may be asked for again, and the keys that tenants come with."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from db.states import BatchStatus, FilePurpose
from db.tables.base import Base, Created, Tenant, text_enum


class FileRow(Base):
    """What is known of a file, whose content lies in the server's folder under its id."""

    __tablename__ = "file"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        CheckConstraint("size_bytes >= 0", name="not_negative"),
        Index("file_expiring_idx", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))  # in the order of their making
    tenant_id: Mapped[Tenant]
    purpose: Mapped[FilePurpose] = mapped_column(text_enum(FilePurpose, name="purpose"))
    filename: Mapped[str]  # as it was given: nothing on disk is called so
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    created_at: Mapped[Created]
    expires_at: Mapped[datetime | None]


class BatchRow(Base):
    """A batch from its request to its files; it outlives both its input file and its job's other traces."""

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        ForeignKeyConstraint(["tenant_id", "job_id"], ["job.tenant_id", "job.id"]),
        Index(
            "batch_idempotency_key",
            "tenant_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(
            "batch_open_idx",
            "number",
            postgresql_where=text("status NOT IN ('failed', 'completed', 'expired', 'cancelled')"),
        ),
        Index("batch_job_idx", "job_id", postgresql_where=text("job_id IS NOT NULL")),
        CheckConstraint("status <> 'in_progress' OR job_id IS NOT NULL", name="job_when_in_progress"),
        CheckConstraint("(status = 'failed') = (errors IS NOT NULL)", name="errors_when_failed"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    tenant_id: Mapped[Tenant]
    status: Mapped[BatchStatus] = mapped_column(text_enum(BatchStatus, name="status"))
    endpoint: Mapped[str]
    input_file_id: Mapped[str]  # no foreign key: the file may be deleted once it was read
    completion_window: Mapped[str]
    asked: Mapped[dict[str, Any]] = mapped_column(
        JSONB
    )  # objective, strategies, precedence: what is ours in the request
    meta: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", JSONB(none_as_null=True)
    )  # `metadata` is taken by SQLAlchemy
    idempotency_key: Mapped[str | None]
    request_digest: Mapped[str]  # of the request's body: equal where the same was asked
    output_expires_seconds: Mapped[int | None]
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    errors: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    output_file_id: Mapped[str | None]
    error_file_id: Mapped[str | None]
    ended: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # its figures, once they are final
    created_at: Mapped[Created]
    expires_at: Mapped[datetime]
    in_progress_at: Mapped[datetime | None]
    finalizing_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    cancelling_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]


class ReplyRow(Base):
    """What was answered to a request that would cost once more if it were answered anew; NULL while it is answered."""

    __tablename__ = "reply"
    __table_args__ = (
        Index(
            "reply_idempotency_key",
            "tenant_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index("reply_request_idx", "tenant_id", "request_digest", "created_at"),
        Index("reply_created_idx", "created_at"),
        CheckConstraint("(status IS NULL) = (body IS NULL)", name="whole"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[Tenant]
    idempotency_key: Mapped[str | None]
    request_digest: Mapped[str]  # of the caller, the endpoint and the body: equal where the same was asked
    status: Mapped[int | None]  # HTTP's
    body: Mapped[str | None]  # JSON as a text, which can hold what JSONB refuses
    created_at: Mapped[Created]


class ApiKeyRow(Base):
    """A key that was given out: its digest, whose it is, and what it may do."""

    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("digest"), UniqueConstraint("tenant_id", "name"))

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[Tenant]
    name: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    budgets: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # NULL: any budget of the tenant, or one of its own
    requests_per_minute: Mapped[int | None]
    max_file_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[Created]
    revoked_at: Mapped[datetime | None]
