"""Looks of the gate at one champion, as the reports of its challengers keep them."""

from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.clock import read_clock
from db.gate_looks import read_looked_at
from db.predictors import promote, store_version
from db.session import session_scope
from db.states import PredictorState
from tests.db.building import TENANT, build_job


def store(session: Session, strategy_id: int, *, labels: int | None, state: PredictorState) -> int:
    """The id of a version whose gate compared so many labels; None: they were too few to compare."""
    look = {"labels": labels or 99, "proof_error": 0.01}
    gate = {"report": {"look": look, "challenger": None if labels is None else {"log_loss": 0.5}}}
    return store_version(
        session,
        strategy_id=strategy_id,
        encoder="none",
        artefact=b"",
        meta={},
        state=state,
        report={"gate": gate},
    )


def read(engine: Engine, champion_id: int, since: datetime | None = None) -> int:
    with session_scope(engine) as session:
        return read_looked_at(session, champion_id=champion_id, since=since)


def test_the_last_look_is_that_of_the_newest_challenger_since_the_champion_serves(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        (strategy_id, other_id, *_) = build_job(session, tasks=0).strategy_ids
        champion_id = store(session, strategy_id, labels=5000, state=PredictorState.CHAMPION)
    assert read(db_engine, champion_id) == 0
    with session_scope(db_engine) as session:
        store(session, strategy_id, labels=None, state=PredictorState.HELD)
        store(session, other_id, labels=9000, state=PredictorState.HELD)
    assert read(db_engine, champion_id) == 0
    with session_scope(db_engine) as session:
        store(session, strategy_id, labels=500, state=PredictorState.HELD)
        store(session, strategy_id, labels=900, state=PredictorState.REJECTED)
    assert read(db_engine, champion_id) == 900
    with session_scope(db_engine) as session:
        moment = read_clock(session)
    assert read(db_engine, champion_id, since=moment) == 0


def test_looks_begin_anew_when_a_version_serves_again(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        (strategy_id, *_) = build_job(session, tasks=0).strategy_ids
        champion_id = store(session, strategy_id, labels=None, state=PredictorState.CHAMPION)
    with session_scope(db_engine) as session:
        next_id = store(session, strategy_id, labels=700, state=PredictorState.CHAMPION)
    assert read(db_engine, champion_id) == 700
    assert read(db_engine, next_id) == 0
    with session_scope(db_engine) as session:
        promote(session, tenant_id=TENANT, predictor_id=champion_id)
    assert read(db_engine, champion_id) == 0
