import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, NotSupportedError

from db.session import session_scope
from tests.db.building import build_claimed, label, outcome, reserve, retry, settle


@pytest.mark.parametrize("table", ["task", "outcome", "ledger_entry", "attempt", "label", "kept_answer"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = 'other'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_rows_that_are_written_once_can_not_be_changed(db_engine: Engine, table: str, statement: str) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    settle(db_engine, group, reserve(db_engine, group, [0, 1]), [outcome(0)], [retry(1)])
    with session_scope(db_engine) as session:
        label(session, job_id=job.id, seq=0, arm=0, source="person", correct=0.0)
    with pytest.raises((IntegrityError, NotSupportedError), match="are written once"), db_engine.begin() as connection:
        connection.execute(text(statement.format(table)))


def test_an_answer_in_the_wrong_arm_is_refused(db_engine: Engine) -> None:
    build_claimed(db_engine, tasks=1)
    copy = text("""
        INSERT INTO outcome (tenant_id, job_id, seq, arm, kind, strategy_id, answer, response, prompt_tokens,
                             output_tokens, cost, source)
        SELECT tenant_id, id, 0, strategy_ids[1], kind, strategy_ids[1], '', '{}', 0, 0, 0, 'recording' FROM job
    """)
    with pytest.raises(IntegrityError, match="outcome_arm_fits_kind_check"), db_engine.begin() as connection:
        connection.execute(copy)
