-- Revision 0007. Frozen: a later change is a later migration.

CREATE TABLE file (
    id TEXT NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    purpose VARCHAR(32) NOT NULL,
    filename TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT file_pkey PRIMARY KEY (id),
    CONSTRAINT file_tenant_id_number_key UNIQUE (tenant_id, number),
    CONSTRAINT file_not_negative_check CHECK (size_bytes >= 0),
    CONSTRAINT file_purpose_check CHECK (purpose IN ('batch', 'batch_output'))
);

CREATE INDEX file_expiring_idx ON file (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE batch (
    id TEXT NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    status VARCHAR(32) NOT NULL,
    endpoint TEXT NOT NULL,
    input_file_id TEXT NOT NULL,
    completion_window TEXT NOT NULL,
    asked JSONB NOT NULL,
    metadata JSONB,
    idempotency_key TEXT,
    request_digest TEXT NOT NULL,
    output_expires_seconds INTEGER,
    job_id BIGINT,
    errors JSONB,
    output_file_id TEXT,
    error_file_id TEXT,
    ended JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    in_progress_at TIMESTAMP WITH TIME ZONE,
    finalizing_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    failed_at TIMESTAMP WITH TIME ZONE,
    expired_at TIMESTAMP WITH TIME ZONE,
    cancelling_at TIMESTAMP WITH TIME ZONE,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT batch_pkey PRIMARY KEY (id),
    CONSTRAINT batch_tenant_id_number_key UNIQUE (tenant_id, number),
    CONSTRAINT batch_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT batch_job_when_in_progress_check CHECK (status <> 'in_progress' OR job_id IS NOT NULL),
    CONSTRAINT batch_errors_when_failed_check CHECK ((status = 'failed') = (errors IS NOT NULL)),
    CONSTRAINT batch_status_check CHECK (status IN ('validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling', 'cancelled'))
);

CREATE UNIQUE INDEX batch_idempotency_key ON batch (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX batch_job_idx ON batch (job_id) WHERE job_id IS NOT NULL;

CREATE INDEX batch_open_idx ON batch (number) WHERE status NOT IN ('failed', 'completed', 'expired', 'cancelled');

CREATE TABLE api_key (
    id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BYTEA NOT NULL,
    budgets TEXT[],
    requests_per_minute INTEGER,
    max_file_bytes BIGINT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_digest_key UNIQUE (digest),
    CONSTRAINT api_key_tenant_id_name_key UNIQUE (tenant_id, name)
);

