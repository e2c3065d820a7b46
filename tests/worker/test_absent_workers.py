"""What a job needs and nobody does, as the command says it that stores the job."""

from functools import partial

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.session import run_in_transaction, session_scope
from db.strategies import register_strategy
from db.workers import note_worker
from worker.absent_workers import describe_absent


def register(session: Session, *, price: int) -> int:
    spec = {"engine": "fake"}
    named = partial(register_strategy, tenant_id="default", name="small", spec_hash="h", spec=spec)
    return named(session, tariff={"price": price}).id


def look(database: Database, strategy_id: int) -> list[str]:
    with session_scope(database) as session:
        return describe_absent(session, strategy_ids=[strategy_id])


def test_a_strategy_that_its_engines_workers_have_at_another_price_is_told(db_engine: Database) -> None:
    known, dearer = (run_in_transaction(db_engine, partial(register, price=price)) for price in (1, 2))
    queues = ["router", "reconciler", "engine.fake"]
    run_in_transaction(db_engine, partial(note_worker, owner="host:1", queues=queues, strategy_ids=[known]))
    assert look(db_engine, known) == []
    [told] = look(db_engine, dearer)
    assert told.startswith("strategy small has another price or other settings here than with host:1, so ")
    assert "start the worker of engine fake again with this strategy file" in told


def test_an_engine_that_nobody_serves_is_told_once(db_engine: Database) -> None:
    own = run_in_transaction(db_engine, partial(register, price=1))
    queues = ["router", "reconciler"]
    run_in_transaction(db_engine, partial(note_worker, owner="host:1", queues=queues, strategy_ids=[]))
    [told] = look(db_engine, own)
    assert told.startswith("no worker serves engine fake: ")
