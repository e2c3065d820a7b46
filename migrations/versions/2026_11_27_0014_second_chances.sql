-- Revision 0012. Frozen: a later change is a later migration.

CREATE TABLE kept_answer (
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    arm BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    strategy_id BIGINT NOT NULL,
    grp_id BIGINT,
    fence BIGINT,
    failure TEXT NOT NULL,
    score FLOAT NOT NULL,
    answer TEXT NOT NULL,
    response JSONB NOT NULL,
    error_code TEXT,
    error_message TEXT,
    prompt_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost NUMERIC(38, 0) NOT NULL,
    correct FLOAT,
    latency_seconds FLOAT,
    propensity FLOAT,
    source VARCHAR(32) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    cached_prompt_tokens INTEGER NOT NULL,
    CONSTRAINT kept_answer_pkey PRIMARY KEY (job_id, seq),
    CONSTRAINT kept_answer_of_a_run_check CHECK (kind = 'run' AND arm = 0),
    CONSTRAINT kept_answer_group_when_executed_check CHECK ((source = 'engine') = (grp_id IS NOT NULL)),
    CONSTRAINT kept_answer_fence_with_group_check CHECK (num_nulls(grp_id, fence) IN (0, 2)),
    CONSTRAINT kept_answer_kind_check CHECK (kind IN ('run', 'calibration', 'probe', 'judging')),
    CONSTRAINT kept_answer_source_check CHECK (source IN ('engine', 'recording', 'twin'))
);

CREATE INDEX kept_answer_grp_id_idx ON kept_answer (grp_id);
CREATE INDEX kept_answer_strategy_id_created_at_idx ON kept_answer (strategy_id, created_at);

CREATE TRIGGER kept_answer_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kept_answer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE requeue DROP CONSTRAINT requeue_reason_check;
ALTER TABLE requeue ADD CONSTRAINT requeue_reason_check CHECK (reason IN
    ('denied', 'retry', 'recalled', 'second_chance', 'budget_exhausted', 'not_eligible', 'cancelled'));
DROP INDEX requeue_waiting_idx;
CREATE INDEX requeue_waiting_idx ON requeue (job_id, not_before, id)
    WHERE window_id IS NULL AND reason IN ('denied', 'retry', 'recalled', 'second_chance');
