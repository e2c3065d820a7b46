-- Revision 0011. Frozen: a later change is a later migration.

CREATE TABLE settlement_cursor (
    reader TEXT NOT NULL,
    entry_id BIGINT NOT NULL,
    CONSTRAINT settlement_cursor_pkey PRIMARY KEY (reader)
);

CREATE TABLE predictor_drift (
    predictor_version_id BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    outcomes BIGINT NOT NULL,
    watch JSONB NOT NULL,
    log_odds_offset FLOAT NOT NULL,
    cost_ratio FLOAT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT predictor_drift_pkey PRIMARY KEY (predictor_version_id),
    CONSTRAINT predictor_drift_cost_ratio_is_positive_check CHECK (cost_ratio > 0),
    CONSTRAINT predictor_drift_predictor_version_id_fkey FOREIGN KEY(predictor_version_id) REFERENCES predictor_version (id)
);

CREATE TABLE drift_alarm (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    predictor_version_id BIGINT NOT NULL,
    strategy_id BIGINT NOT NULL,
    broken TEXT NOT NULL,
    outcomes FLOAT NOT NULL,
    predicted FLOAT NOT NULL,
    observed FLOAT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT drift_alarm_pkey PRIMARY KEY (id),
    CONSTRAINT drift_alarm_predictor_version_id_fkey FOREIGN KEY(predictor_version_id) REFERENCES predictor_version (id),
    CONSTRAINT drift_alarm_strategy_id_fkey FOREIGN KEY(strategy_id) REFERENCES strategy (id)
);

CREATE INDEX drift_alarm_predictor_version_id_idx ON drift_alarm (predictor_version_id);

CREATE TRIGGER drift_alarm_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON drift_alarm FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE strategy_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    mode VARCHAR(32) NOT NULL,
    changed_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT strategy_change_pkey PRIMARY KEY (id),
    CONSTRAINT strategy_change_mode_check CHECK (mode IN ('enabled', 'shadow', 'disabled', 'retired'))
);

CREATE INDEX strategy_change_tenant_id_name_id_idx ON strategy_change (tenant_id, name, id);

CREATE TRIGGER strategy_change_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON strategy_change FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
