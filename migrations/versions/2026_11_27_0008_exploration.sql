-- Revision 0008. Frozen: a later change is a later migration.

CREATE TABLE exploration (
    window_id BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    lo INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    best BYTEA NOT NULL,
    intended BYTEA NOT NULL,
    propensity BYTEA NOT NULL,
    explored INTEGER[] NOT NULL,
    set_aside NUMERIC(38, 0) NOT NULL,
    accuracy_given_up FLOAT NOT NULL,
    extra_cost FLOAT NOT NULL,
    worst_extra_cost FLOAT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT exploration_pkey PRIMARY KEY (window_id),
    CONSTRAINT exploration_tenant_id_window_id_fkey FOREIGN KEY (tenant_id, window_id)
        REFERENCES task_window (tenant_id, id),
    CONSTRAINT exploration_rows_match_check CHECK (octet_length(best) = octet_length(intended)),
    CONSTRAINT exploration_chances_match_check CHECK (octet_length(propensity) % (2 * octet_length(best)) = 0)
);

CREATE INDEX exploration_job_id_lo_idx ON exploration (job_id, lo);

CREATE TRIGGER exploration_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exploration
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
