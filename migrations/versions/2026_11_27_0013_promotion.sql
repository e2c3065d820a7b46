-- Revision 0010. Frozen: a later change is a later migration.

CREATE TABLE trial (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    encoder TEXT NOT NULL,
    predictor_version_ids BIGINT[] NOT NULL,
    looks JSONB DEFAULT '[]' NOT NULL,
    verdict TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT trial_pkey PRIMARY KEY (id),
    CONSTRAINT trial_verdict_when_ended_check CHECK ((verdict IS NULL) = (ended_at IS NULL))
);

CREATE UNIQUE INDEX trial_open_key ON trial (tenant_id, encoder) WHERE ended_at IS NULL;

CREATE TABLE trial_prediction (
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    lo INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    trial_id BIGINT NOT NULL,
    columns INTEGER[] NOT NULL,
    accuracy BYTEA NOT NULL,
    cost BYTEA NOT NULL,
    CONSTRAINT trial_prediction_pkey PRIMARY KEY (job_id, lo),
    CONSTRAINT trial_prediction_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT trial_prediction_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trial (id)
);

CREATE TABLE trial_window (
    window_id BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    trial_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    price FLOAT NOT NULL,
    tasks INTEGER NOT NULL,
    apart INTEGER NOT NULL,
    seqs INTEGER[] NOT NULL,
    challenged BOOLEAN[] NOT NULL,
    expected REAL[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT trial_window_pkey PRIMARY KEY (window_id),
    CONSTRAINT trial_window_tenant_id_window_id_fkey FOREIGN KEY (tenant_id, window_id)
        REFERENCES task_window (tenant_id, id),
    CONSTRAINT trial_window_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trial (id),
    CONSTRAINT trial_window_lot_per_task_check
        CHECK (cardinality(seqs) = cardinality(challenged) AND cardinality(seqs) = cardinality(expected))
);

CREATE INDEX trial_window_trial_id_idx ON trial_window (trial_id);

CREATE TRIGGER trial_window_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trial_window
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
