-- Revision 0003. Frozen: a later change is a later migration.

ALTER TABLE budget
    ADD kept NUMERIC(38, 0),
    ADD shared BOOLEAN DEFAULT false NOT NULL,
    ADD period VARCHAR(32),
    ADD period_start TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT budget_kept_not_negative_check CHECK (kept >= 0),
    ADD CONSTRAINT budget_period_has_a_start_check CHECK ((period IS NULL) = (period_start IS NULL)),
    ADD CONSTRAINT budget_period_is_shared_check CHECK (period IS NULL OR shared),
    ADD CONSTRAINT budget_period_check CHECK (period IN ('nightly', 'monthly'));
ALTER TABLE budget ALTER kept SET DEFAULT '0';
CREATE UNIQUE INDEX budget_shared_key ON budget (tenant_id, name, period_start) NULLS NOT DISTINCT WHERE shared;

ALTER TABLE job
    ADD priority INTEGER DEFAULT '0' NOT NULL,
    ADD deadline TIMESTAMP WITH TIME ZONE,
    ADD paused BOOLEAN DEFAULT false NOT NULL,
    ADD promised BOOLEAN DEFAULT false NOT NULL,
    ADD twins INTEGER DEFAULT '0' NOT NULL,
    ADD continues_job_id BIGINT,
    DROP CONSTRAINT job_finished_when_completed_check,
    ADD CONSTRAINT job_finished_when_final_check
        CHECK ((state IN ('completed', 'cancelled')) = (finished_at IS NOT NULL)),
    ADD CONSTRAINT job_tenant_id_continues_job_id_fkey
        FOREIGN KEY (tenant_id, continues_job_id) REFERENCES job (tenant_id, id);
CREATE INDEX job_open_idx ON job (budget_id) WHERE finished_at IS NULL;
CREATE INDEX job_continues_job_id_idx ON job (continues_job_id);

CREATE TABLE twin (
    tenant_id TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    leader_seq INTEGER NOT NULL,
    CONSTRAINT twin_pkey PRIMARY KEY (job_id, seq),
    CONSTRAINT twin_tenant_id_job_id_fkey FOREIGN KEY (tenant_id, job_id) REFERENCES job (tenant_id, id),
    CONSTRAINT twin_leader_is_earlier_check CHECK (leader_seq < seq)
);
CREATE INDEX twin_job_id_leader_seq_idx ON twin (job_id, leader_seq);
CREATE TRIGGER twin_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON twin
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE grp
    ADD least NUMERIC(38, 0)[] DEFAULT '{}' NOT NULL,
    ADD started INTEGER DEFAULT '0' NOT NULL,
    ADD settled INTEGER DEFAULT '0' NOT NULL,
    ADD answered INTEGER DEFAULT '0' NOT NULL,
    ADD errors INTEGER DEFAULT '0' NOT NULL,
    ADD graded INTEGER DEFAULT '0' NOT NULL,
    ADD correct DOUBLE PRECISION DEFAULT '0' NOT NULL;
UPDATE grp SET answered = done.answered, errors = done.errors, graded = done.graded, correct = done.correct
FROM (SELECT grp_id, count(*) AS answered, count(error_code) AS errors, count(correct) AS graded,
             coalesce(sum(correct), 0) AS correct
      FROM outcome WHERE grp_id IS NOT NULL GROUP BY grp_id) AS done
WHERE done.grp_id = grp.id;
UPDATE grp SET settled = ended.tasks, started = ended.tasks
FROM (SELECT grp_id, sum(cardinality(seqs)) AS tasks FROM ledger_entry WHERE kind = 'settle' GROUP BY grp_id) AS ended
WHERE ended.grp_id = grp.id;
UPDATE grp SET started = started + open.tasks
FROM (SELECT grp_id, sum(cardinality(seqs)) AS tasks FROM ledger_entry AS held
      WHERE kind = 'reserve' AND NOT EXISTS (
          SELECT FROM ledger_entry AS ended WHERE ended.grp_id = held.grp_id AND ended.fence = held.fence
          AND ended.batch_no = held.batch_no AND ended.kind IN ('settle', 'burn'))
      GROUP BY grp_id) AS open
WHERE open.grp_id = grp.id;
ALTER TABLE grp
    ADD CONSTRAINT grp_least_per_task_check CHECK (cardinality(least) IN (0, cardinality(seqs)));
ALTER TABLE outcome
    DROP CONSTRAINT outcome_tenant_id_job_id_kind_fkey,
    DROP CONSTRAINT outcome_tenant_id_grp_id_fkey,
    DROP CONSTRAINT outcome_tenant_id_strategy_id_fkey;
CREATE INDEX outcome_without_group_idx ON outcome (job_id) WHERE grp_id IS NULL;

DROP INDEX requeue_waiting_idx;
CREATE INDEX requeue_waiting_idx ON requeue (job_id, not_before, id)
    WHERE window_id IS NULL AND reason IN ('denied', 'retry', 'recalled');

ALTER TABLE ledger_entry
    DROP CONSTRAINT ledger_entry_kind_check,
    DROP CONSTRAINT ledger_entry_source_check,
    DROP CONSTRAINT ledger_entry_deltas_fit_kind_check,
    ADD CONSTRAINT ledger_entry_kind_check
        CHECK (kind IN ('raise', 'lower', 'reserve', 'settle', 'release', 'burn')),
    ADD CONSTRAINT ledger_entry_source_check CHECK ((kind IN ('raise', 'lower')) = (grp_id IS NULL)),
    ADD CONSTRAINT ledger_entry_deltas_fit_kind_check CHECK (CASE kind
        WHEN 'raise' THEN cap_delta >= 0
            AND reserved_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'lower' THEN cap_delta < 0
            AND reserved_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'reserve' THEN reserved_delta >= 0
            AND cap_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'settle' THEN spent_delta >= 0 AND reserved_delta = - spent_delta AND overrun_delta >= 0
            AND cap_delta = 0 AND burned_delta = 0
        WHEN 'release' THEN reserved_delta < 0
            AND cap_delta = 0 AND spent_delta = 0 AND burned_delta = 0 AND overrun_delta = 0
        WHEN 'burn' THEN burned_delta >= 0 AND reserved_delta = - burned_delta
            AND cap_delta = 0 AND spent_delta = 0 AND overrun_delta = 0
        END);

CREATE TABLE breaker (
    tenant_id TEXT NOT NULL,
    strategy_id BIGINT NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    openings INTEGER DEFAULT '0' NOT NULL,
    open_until TIMESTAMP WITH TIME ZONE,
    reason TEXT DEFAULT '' NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT breaker_pkey PRIMARY KEY (strategy_id),
    CONSTRAINT breaker_tenant_id_strategy_id_fkey FOREIGN KEY (tenant_id, strategy_id) REFERENCES strategy (tenant_id, id)
);

CREATE TABLE worker (
    owner TEXT NOT NULL,
    queues TEXT[] NOT NULL,
    strategy_ids BIGINT[] NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT worker_pkey PRIMARY KEY (owner)
);

CREATE TABLE training_request (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    owner TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    CONSTRAINT training_request_pkey PRIMARY KEY (id)
);
