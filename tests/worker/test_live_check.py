"""Champions on live answers: what breaks its promise goes, and so does a step of growth that was for the worse."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.predictors import amend_report, read_report
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from router.promotion.gate import GateVerdict
from router.promotion.rollback import LiveVerdict
from tests.worker.promotion_house import is_place, is_sum, load, register, serve_sums, states_of, take_in, train
from worker.encoder import SentenceEncoder
from worker.live_check import check_champions
from worker.predictors import promote_by_hand
from worker.task_encoder import TaskEncoder


@pytest.fixture(scope="module")
def encoder() -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)


def test_a_champion_that_breaks_its_promise_makes_way_for_the_one_before(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    take_in(db_engine, numbers=range(60), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(1000, 1300), right=is_place)
    train(db_engine, encoder)
    serve_sums(db_engine, tmp_path)
    check_champions(db_engine, strategy_ids=register(db_engine), encoder=encoder)
    assert "version 2 of strategy small misses what was promised of it, version 1 serves again" in caplog.text
    assert states_of(db_engine, "small") == [PredictorState.REJECTED, PredictorState.CHAMPION]
    assert states_of(db_engine, "large") == [PredictorState.CHAMPION, PredictorState.RETIRED]  # answered nothing


def test_a_step_of_growth_that_was_for_the_worse_is_taken_back_by_live_answers(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    take_in(db_engine, numbers=range(120), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(1000, 1070), right=is_place)  # too few for the gate to say how wrong they are
    assert {own.state for own in train(db_engine, encoder)} == {PredictorState.CHAMPION}
    served = load(db_engine, encoder).version_ids[0]
    serve_sums(db_engine, tmp_path)
    check_champions(db_engine, strategy_ids=register(db_engine), encoder=encoder)
    assert states_of(db_engine, "small") == [PredictorState.REJECTED, PredictorState.CHAMPION]
    with session_scope(db_engine) as session:
        (look,) = read_report(session, predictor_id=served).report["live"]
    assert look["loss_since"]["mean"] > 0.1
    assert look["verdict"] in (LiveVerdict.ROLL_BACK, LiveVerdict.WORSE)


def test_a_proven_version_that_its_own_miss_excuses_is_taken_back_for_what_it_predicts_worse(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    take_in(db_engine, numbers=range(60), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(1000, 1300), right=is_place)  # labels that are wrong of what is answered below
    train(db_engine, encoder)
    served = load(db_engine, encoder).version_ids[0]
    excuse_misses(db_engine, served)
    serve_sums(db_engine, tmp_path)
    check_champions(db_engine, strategy_ids=register(db_engine), encoder=encoder)
    assert states_of(db_engine, "small") == [PredictorState.REJECTED, PredictorState.CHAMPION]
    with session_scope(db_engine) as session:
        report = read_report(session, predictor_id=served).report
    assert report["gate"]["report"]["verdict"] == GateVerdict.PROVEN
    assert report["live"][-1]["verdict"] == LiveVerdict.WORSE


def excuse_misses(database: Database, predictor_id: int) -> None:
    """Let the gate have seen that it predicts much too little where it predicts little, and too much where much."""
    with session_scope(database) as session:
        gate = read_report(session, predictor_id=predictor_id).report["gate"]
        amend_report(session, predictor_id=predictor_id, parts={"gate": {**gate, "promised": [0.9, 0.0, -0.9]}})


def test_a_version_that_serves_again_is_looked_at_as_if_for_the_first_time(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    take_in(db_engine, numbers=range(60), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(1000, 1300), right=is_place)
    train(db_engine, encoder)
    served = load(db_engine, encoder).version_ids[0]
    serve_sums(db_engine, tmp_path)
    for _ in range(2):  # once by itself; once after somebody has let it serve again
        check_champions(db_engine, strategy_ids=register(db_engine), encoder=encoder)
        assert states_of(db_engine, "small") == [PredictorState.REJECTED, PredictorState.CHAMPION]
        promote_again(db_engine, served)
        serve_sums(db_engine, tmp_path)


def promote_again(database: Database, predictor_id: int) -> None:
    choose = partial(promote_by_hand, tenant_id="default", predictor_id=predictor_id, person="somebody")
    run_in_transaction(database, choose)
