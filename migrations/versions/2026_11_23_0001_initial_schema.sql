-- Revision 0001. Frozen: a later change is a later migration. tests/db/test_schema.py holds it equal to db.tables.

CREATE TABLE budget (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    cap NUMERIC(38, 0),
    reserved NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    spent NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    burned NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    overrun NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT budget_pkey PRIMARY KEY (id),
    CONSTRAINT budget_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT budget_within_cap_check CHECK (spent + burned + reserved <= cap),
    CONSTRAINT budget_not_negative_check CHECK (cap >= 0 AND reserved >= 0 AND spent >= 0 AND burned >= 0 AND overrun >= 0)
);

CREATE TABLE strategy (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    spec_hash TEXT NOT NULL,
    spec JSONB NOT NULL,
    tariff JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT strategy_pkey PRIMARY KEY (id),
    CONSTRAINT strategy_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT strategy_tenant_id_name_version_key UNIQUE (tenant_id, name, version)
);
CREATE INDEX strategy_tenant_id_spec_hash_idx ON strategy (tenant_id, spec_hash);

CREATE TABLE job (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    state VARCHAR(32) NOT NULL,
    objective JSONB NOT NULL,
    budget_id BIGINT NOT NULL,
    task_count INTEGER DEFAULT '0' NOT NULL,
    cursor_seq INTEGER DEFAULT '0' NOT NULL,
    strategy_ids BIGINT[] NOT NULL,
    encoder TEXT NOT NULL,
    meta JSONB NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT job_pkey PRIMARY KEY (id),
    CONSTRAINT job_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT job_tenant_id_id_kind_key UNIQUE (tenant_id, id, kind),
    CONSTRAINT job_tenant_id_budget_id_fkey FOREIGN KEY(tenant_id, budget_id) REFERENCES budget (tenant_id, id),
    CONSTRAINT job_cursor_within_tasks_check CHECK (cursor_seq BETWEEN 0 AND task_count),
    CONSTRAINT job_finished_when_completed_check CHECK ((state = 'completed') = (finished_at IS NOT NULL)),
    CONSTRAINT job_kind_check CHECK (kind IN ('run', 'calibration')),
    CONSTRAINT job_state_check CHECK (state IN ('submitted', 'running', 'completed'))
);

CREATE TABLE predictor_version (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    strategy_id BIGINT NOT NULL,
    spec_hash TEXT NOT NULL,
    version INTEGER NOT NULL,
    encoder TEXT NOT NULL,
    artefact BYTEA NOT NULL,
    metadata JSONB NOT NULL,
    state VARCHAR(32) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT predictor_version_pkey PRIMARY KEY (id),
    CONSTRAINT predictor_version_tenant_id_strategy_id_fkey FOREIGN KEY(tenant_id, strategy_id) REFERENCES strategy (tenant_id, id),
    CONSTRAINT predictor_version_tenant_id_spec_hash_encoder_version_key UNIQUE (tenant_id, spec_hash, encoder, version),
    CONSTRAINT predictor_version_state_check CHECK (state IN ('champion', 'retired'))
);
CREATE UNIQUE INDEX predictor_version_champion_key ON predictor_version (tenant_id, spec_hash, encoder) WHERE state = 'champion';

CREATE TABLE prediction_block (
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    lo INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    predictor_version_ids BIGINT[] NOT NULL,
    accuracy BYTEA NOT NULL,
    cost BYTEA NOT NULL,
    worst_cost BYTEA NOT NULL,
    prompt_tokens BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT prediction_block_pkey PRIMARY KEY (job_id, lo),
    CONSTRAINT prediction_block_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT prediction_block_range_check CHECK (lo >= 0 AND hi > lo)
);

CREATE TABLE task (
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    CONSTRAINT task_pkey PRIMARY KEY (job_id, seq),
    CONSTRAINT task_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT task_job_id_custom_id_key UNIQUE (job_id, custom_id)
);

CREATE TABLE task_window (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seqs INTEGER[] NOT NULL,
    state VARCHAR(32) NOT NULL,
    owner TEXT,
    fence BIGINT NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    allowance NUMERIC(38, 0),
    shadow_price DOUBLE PRECISION,
    upper_bound DOUBLE PRECISION,
    gap DOUBLE PRECISION,
    predicted_cost NUMERIC(38, 0),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    routed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT task_window_pkey PRIMARY KEY (id),
    CONSTRAINT task_window_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT task_window_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT task_window_lease_when_claimed_check CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
    CONSTRAINT task_window_dated_when_routed_check CHECK ((state = 'routed') = (routed_at IS NOT NULL)),
    CONSTRAINT task_window_state_check CHECK (state IN ('claimed', 'ready', 'routed'))
);
CREATE INDEX task_window_job_id_idx ON task_window (job_id);
CREATE INDEX task_window_open_idx ON task_window (job_id, id) WHERE state <> 'routed';

CREATE TABLE grp (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    window_id BIGINT NOT NULL,
    strategy_id BIGINT NOT NULL,
    arm BIGINT NOT NULL,
    seqs INTEGER[] NOT NULL,
    amounts NUMERIC(38, 0)[] NOT NULL,
    predicted_cost NUMERIC(38, 0) NOT NULL,
    state VARCHAR(32) NOT NULL,
    owner TEXT,
    fence BIGINT DEFAULT '0' NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    heartbeat_at TIMESTAMP WITH TIME ZONE,
    next_batch_no INTEGER DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT grp_pkey PRIMARY KEY (id),
    CONSTRAINT grp_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT grp_tenant_id_job_id_kind_fkey FOREIGN KEY(tenant_id, job_id, kind) REFERENCES job (tenant_id, id, kind),
    CONSTRAINT grp_tenant_id_window_id_fkey FOREIGN KEY(tenant_id, window_id) REFERENCES task_window (tenant_id, id),
    CONSTRAINT grp_tenant_id_strategy_id_fkey FOREIGN KEY(tenant_id, strategy_id) REFERENCES strategy (tenant_id, id),
    CONSTRAINT grp_arm_fits_kind_check CHECK (arm = CASE kind WHEN 'run' THEN 0 ELSE strategy_id END),
    CONSTRAINT grp_lease_when_claimed_check CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
    CONSTRAINT grp_finished_when_done_check CHECK ((state = 'done') = (finished_at IS NOT NULL)),
    CONSTRAINT grp_amount_per_task_check CHECK (cardinality(seqs) > 0 AND cardinality(seqs) = cardinality(amounts)),
    CONSTRAINT grp_kind_check CHECK (kind IN ('run', 'calibration')),
    CONSTRAINT grp_state_check CHECK (state IN ('ready', 'claimed', 'done'))
);
CREATE INDEX grp_claimed_idx ON grp (id) WHERE state = 'claimed';
CREATE INDEX grp_job_id_idx ON grp (job_id);
CREATE INDEX grp_open_idx ON grp (job_id, id) WHERE state <> 'done';
CREATE INDEX grp_ready_idx ON grp (id) WHERE state = 'ready';
CREATE INDEX grp_window_id_idx ON grp (window_id);

CREATE TABLE attempt (
    tenant_id TEXT NOT NULL,
    grp_id BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    job_id BIGINT NOT NULL,
    error_code TEXT NOT NULL,
    error_message TEXT NOT NULL,
    prompt_tokens INTEGER,
    output_tokens INTEGER,
    cost NUMERIC(38, 0) NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT attempt_pkey PRIMARY KEY (grp_id, fence, seq),
    CONSTRAINT attempt_tenant_id_grp_id_fkey FOREIGN KEY(tenant_id, grp_id) REFERENCES grp (tenant_id, id)
);
CREATE INDEX attempt_job_id_seq_idx ON attempt (job_id, seq);

CREATE TABLE ledger_entry (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    budget_id BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    job_id BIGINT,
    grp_id BIGINT,
    fence BIGINT,
    batch_no INTEGER,
    reserved_delta NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    spent_delta NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    burned_delta NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    overrun_delta NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    cap_delta NUMERIC(38, 0) DEFAULT '0' NOT NULL,
    seqs INTEGER[] NOT NULL,
    amounts NUMERIC(38, 0)[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ledger_entry_pkey PRIMARY KEY (id),
    CONSTRAINT ledger_entry_tenant_id_budget_id_fkey FOREIGN KEY(tenant_id, budget_id) REFERENCES budget (tenant_id, id),
    CONSTRAINT ledger_entry_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT ledger_entry_tenant_id_grp_id_fkey FOREIGN KEY(tenant_id, grp_id) REFERENCES grp (tenant_id, id),
    CONSTRAINT ledger_entry_grp_id_fence_batch_no_kind_key UNIQUE (grp_id, fence, batch_no, kind),
    CONSTRAINT ledger_entry_source_check CHECK ((kind = 'raise') = (grp_id IS NULL)),
    CONSTRAINT ledger_entry_source_is_whole_check CHECK (num_nulls(grp_id, fence, batch_no, job_id) IN (0, 4)),
    CONSTRAINT ledger_entry_amount_per_task_check CHECK (cardinality(seqs) = cardinality(amounts)),
    CONSTRAINT ledger_entry_deltas_fit_kind_check CHECK (CASE kind
        WHEN 'raise' THEN cap_delta >= 0 AND reserved_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'reserve' THEN reserved_delta >= 0 AND cap_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'settle' THEN spent_delta >= 0 AND reserved_delta = - spent_delta AND overrun_delta >= 0 AND cap_delta = 0 AND burned_delta = 0
        WHEN 'release' THEN reserved_delta < 0 AND cap_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'burn' THEN burned_delta >= 0 AND reserved_delta = - burned_delta AND cap_delta = 0 AND spent_delta = 0 AND overrun_delta = 0
    END),
    CONSTRAINT ledger_entry_kind_check CHECK (kind IN ('raise', 'reserve', 'settle', 'release', 'burn'))
);
CREATE INDEX ledger_entry_budget_id_id_idx ON ledger_entry (budget_id, id);
CREATE INDEX ledger_entry_job_id_id_idx ON ledger_entry (job_id, id);

CREATE TABLE outcome (
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    arm BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    strategy_id BIGINT NOT NULL,
    grp_id BIGINT,
    fence BIGINT,
    answer TEXT NOT NULL,
    response JSONB NOT NULL,
    error_code TEXT,
    error_message TEXT,
    prompt_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost NUMERIC(38, 0) NOT NULL,
    correct DOUBLE PRECISION,
    latency_seconds DOUBLE PRECISION,
    propensity DOUBLE PRECISION,
    source VARCHAR(32) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outcome_pkey PRIMARY KEY (job_id, seq, arm),
    CONSTRAINT outcome_tenant_id_job_id_kind_fkey FOREIGN KEY(tenant_id, job_id, kind) REFERENCES job (tenant_id, id, kind),
    CONSTRAINT outcome_tenant_id_grp_id_fkey FOREIGN KEY(tenant_id, grp_id) REFERENCES grp (tenant_id, id),
    CONSTRAINT outcome_tenant_id_strategy_id_fkey FOREIGN KEY(tenant_id, strategy_id) REFERENCES strategy (tenant_id, id),
    CONSTRAINT outcome_arm_fits_kind_check CHECK (arm = CASE kind WHEN 'run' THEN 0 ELSE strategy_id END),
    CONSTRAINT outcome_group_when_executed_check CHECK ((source = 'engine') = (grp_id IS NOT NULL)),
    CONSTRAINT outcome_fence_with_group_check CHECK (num_nulls(grp_id, fence) IN (0, 2)),
    CONSTRAINT outcome_correct_is_a_share_check CHECK (correct BETWEEN 0 AND 1),
    CONSTRAINT outcome_not_negative_check CHECK (prompt_tokens >= 0 AND output_tokens >= 0 AND cost >= 0),
    CONSTRAINT outcome_kind_check CHECK (kind IN ('run', 'calibration')),
    CONSTRAINT outcome_source_check CHECK (source IN ('engine', 'recording'))
);
CREATE INDEX outcome_strategy_id_idx ON outcome (strategy_id);

CREATE TABLE requeue (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    arm BIGINT NOT NULL,
    attempt_no INTEGER NOT NULL,
    reason VARCHAR(32) NOT NULL,
    excluded_strategy_ids BIGINT[] NOT NULL,
    from_grp_id BIGINT,
    window_id BIGINT,
    not_before TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    routed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT requeue_pkey PRIMARY KEY (id),
    CONSTRAINT requeue_tenant_id_job_id_fkey FOREIGN KEY(tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT requeue_tenant_id_from_grp_id_fkey FOREIGN KEY(tenant_id, from_grp_id) REFERENCES grp (tenant_id, id),
    CONSTRAINT requeue_tenant_id_window_id_fkey FOREIGN KEY(tenant_id, window_id) REFERENCES task_window (tenant_id, id),
    CONSTRAINT requeue_routed_by_a_window_check CHECK (routed_at IS NULL OR window_id IS NOT NULL),
    CONSTRAINT requeue_final_stays_check CHECK (window_id IS NULL OR reason NOT IN ('budget_exhausted', 'not_eligible', 'cancelled')),
    CONSTRAINT requeue_reason_check CHECK (reason IN ('denied', 'retry', 'budget_exhausted', 'not_eligible', 'cancelled'))
);
CREATE INDEX requeue_from_grp_id_idx ON requeue (from_grp_id);
CREATE INDEX requeue_job_id_seq_arm_id_idx ON requeue (job_id, seq, arm, id);
CREATE UNIQUE INDEX requeue_live_key ON requeue (job_id, seq, arm) WHERE routed_at IS NULL;
CREATE INDEX requeue_waiting_idx ON requeue (job_id, not_before, id) WHERE window_id IS NULL;
CREATE INDEX requeue_window_id_idx ON requeue (window_id);

CREATE TABLE label (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    arm BIGINT NOT NULL,
    source TEXT NOT NULL,
    correct DOUBLE PRECISION NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT label_pkey PRIMARY KEY (id),
    CONSTRAINT label_job_id_seq_arm_fkey FOREIGN KEY(job_id, seq, arm) REFERENCES outcome (job_id, seq, arm),
    CONSTRAINT label_correct_is_a_share_check CHECK (correct BETWEEN 0 AND 1)
);
CREATE INDEX label_job_id_seq_arm_id_idx ON label (job_id, seq, arm, id);

-- Rows that are written once. For each statement, so that inserts pay nothing.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER task_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON task
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER outcome_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outcome
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entry_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attempt_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER label_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON label
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
