-- Revision 0015. Frozen: a later change is a later migration.

CREATE TABLE reply (
    id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    idempotency_key TEXT,
    request_digest TEXT NOT NULL,
    status INTEGER,
    body TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT reply_pkey PRIMARY KEY (id),
    CONSTRAINT reply_whole_check CHECK ((status IS NULL) = (body IS NULL))
);

CREATE UNIQUE INDEX reply_idempotency_key ON reply (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX reply_request_idx ON reply (tenant_id, request_digest, created_at);

CREATE INDEX reply_created_idx ON reply (created_at);
