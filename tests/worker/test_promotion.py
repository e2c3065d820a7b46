"""From training to what serves: first pairs at once, later ones by the gate."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.drift import read_drifts
from db.predictions import read_version_ids
from db.predictors import list_predictors, read_champions, read_report, store_champion
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.settled_rows import hold_cursors
from db.states import PredictorState
from db.tables import PredictorVersionRow
from router.artefact import load_pair
from router.generation import Completion, GenerationRequest
from router.promotion.gate import GateVerdict
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_pool,
    make_settings,
    predict_flat,
    submit,
)
from tests.worker.promotion_house import (
    answer_sums,
    is_place,
    is_sum,
    judged,
    load,
    make_task,
    register,
    states_of,
    take_in,
    train,
)
from worker.champions import Challenger
from worker.drift_sweep import follow_settlements
from worker.encoder import SentenceEncoder
from worker.evidence import gather_evidence
from worker.exploration_terms import ExplorationTerms
from worker.forecast import PromptShares
from worker.predictors import promote_by_hand
from worker.promotion import receive
from worker.task_encoder import TaskEncoder
from worker.training_job import Trained


@pytest.fixture(scope="module")
def encoder() -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)


def explore(database: Database, folder: Path, *, numbers: range) -> None:
    """A night that explores, in which places are answered right."""
    terms = ExplorationTerms(share=0.4, points=20.0, need=(0.5, 0.5))
    job_id = submit(
        database,
        predictions=predict_flat(len(numbers), small=(0.5, 5.0), large=(0.6, 20.0)),
        objective=replace(budget(8_000), exploration=terms),
        tasks=[make_task(number) for number in numbers],
    )
    assert drive(database, job_id, [FakeEngine(answer_places)], make_settings(folder, batch_tasks=16))


def answer_places(request: GenerationRequest) -> Completion:
    return answer_with("yes" if "poem" in request.messages[-1].content else "no", tokens=5)(request)


def test_a_later_pair_that_is_surely_better_serves_and_says_why(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    take_in(db_engine, numbers=range(60), right=is_sum)
    assert {own.state for own in train(db_engine, encoder)} == {PredictorState.CHAMPION}
    explore(db_engine, tmp_path, numbers=range(3000, 3300))
    take_in(db_engine, numbers=range(1000, 1300), right=is_place)
    assert {own.state for own in train(db_engine, encoder)} == {PredictorState.CHAMPION}
    assert states_of(db_engine, "small") == [PredictorState.CHAMPION, PredictorState.RETIRED]
    small, _ = register(db_engine)
    with session_scope(db_engine) as session:
        champion = read_champions(session, strategy_ids=[small], encoder=encoder.name)[small]
        report = read_report(session, predictor_id=champion.id).report
    gate = report["gate"]["report"]
    assert gate["verdict"] == GateVerdict.PROVEN
    assert gate["outcomes"] > 120
    assert gate["comparisons"]["champion"]["log_loss"]["mean"] < -0.3
    assert set(gate["comparisons"]) == {"champion", "neighbours", "constant"}
    assert len(report["gate"]["promised"]) == 3
    values = report["gate"]["policies"]
    assert values["cost"] == pytest.approx(5)
    for policy in ("champion", "challenger"):
        assert values[policy]["support"]["unseen"] == 0
        assert 20 < values[policy]["support"]["effective_rows"] <= 300


def test_a_later_pair_that_shows_no_gain_is_held_and_not_trained_again(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    take_in(db_engine, numbers=range(300), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(1000, 1050), right=is_sum)
    assert {own.state for own in train(db_engine, encoder)} == {PredictorState.HELD}  # of too few new outcomes
    assert states_of(db_engine, "small") == [PredictorState.HELD, PredictorState.CHAMPION]
    assert {own.state for own in train(db_engine, encoder)} == {None}


def test_tasks_that_the_champion_has_learnt_say_nothing_against_a_challenger(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    take_in(db_engine, numbers=range(300), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(110), right=is_sum)  # the same prompts, in another file
    take_in(db_engine, numbers=range(1000, 1020), right=is_sum)
    assert {own.state for own in train(db_engine, encoder)} == {PredictorState.HELD}
    with session_scope(db_engine) as session:
        newest = list_predictors(session, tenant_id="default", limit=1)[0]
        report = read_report(session, predictor_id=newest.id).report
    assert report["gate"]["report"]["outcomes"] == 20


def test_half_as_many_labels_again_serve_though_they_are_too_few_to_prove_anything(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    take_in(db_engine, numbers=range(120), right=is_sum)
    train(db_engine, encoder)
    take_in(db_engine, numbers=range(1000, 1070), right=is_sum)
    assert {own.state for own in train(db_engine, encoder)} == {PredictorState.CHAMPION}
    assert states_of(db_engine, "small") == [PredictorState.CHAMPION, PredictorState.RETIRED]
    small, _ = register(db_engine)
    with session_scope(db_engine) as session:
        champion = read_champions(session, strategy_ids=[small], encoder=encoder.name)[small]
        gate = read_report(session, predictor_id=champion.id).report["gate"]
    assert gate["has_grown"]
    assert gate["report"]["verdict"] == GateVerdict.HOLD


def test_a_pair_that_was_taken_back_does_not_come_back_for_having_grown_a_little_more(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    _train_on(db_engine, encoder, range(120))
    first = load(db_engine, encoder).version_ids
    _train_on(db_engine, encoder, range(1000, 1062))
    assert load(db_engine, encoder).version_ids != first
    for version_id in first:
        by_hand = partial(promote_by_hand, tenant_id="default", predictor_id=version_id, person="an operator")
        run_in_transaction(db_engine, by_hand)
    assert {own.state for own in _train_on(db_engine, encoder, range(2000, 2030))} == {
        PredictorState.HELD
    }  # 92 are new
    assert load(db_engine, encoder).version_ids == first
    assert {own.state for own in _train_on(db_engine, encoder, range(3000, 3080))} == {PredictorState.CHAMPION}


def offer_again(
    database: Database, encoder: TaskEncoder, *, beside: int | None, champion_labels: int = 1000
) -> PredictorState:
    """Hand in what serves of "small" once more, judged beside this champion and found to be surely better."""
    small, _ = register(database)
    with session_scope(database) as session:
        version = read_champions(session, strategy_ids=[small], encoder=encoder.name)[small]
    loaded = load_pair(version.artefact, encoder=encoder.name)
    challenger = Challenger(
        strategy=make_pool().strategies[0].strategy,
        encoder=encoder.name,
        pair=loaded.pair,
        figures=loaded.metadata.figures,
        evidence=gather_evidence([], cutoff=None),
        prompt_shares=PromptShares(1.0, 1.0),
    )
    verdict = judged(GateVerdict.PROVEN, champion_labels=champion_labels)
    offer = partial(receive, strategy_id=small, challenger=challenger, judged=verdict, beside=beside)
    return run_in_transaction(database, offer)


def test_a_challenger_is_held_where_another_trainers_version_serves_by_now(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    assert {own.state for own in _train_on(db_engine, encoder, range(60))} == {PredictorState.CHAMPION}
    first = load(db_engine, encoder).version_ids[0]
    assert offer_again(db_engine, encoder, beside=first) is PredictorState.CHAMPION
    second = load(db_engine, encoder).version_ids[0]
    for beside in (first, None):  # the other trainer's looks at the same champion, or at none
        assert offer_again(db_engine, encoder, beside=beside) is PredictorState.HELD
    assert load(db_engine, encoder).version_ids[0] == second
    with session_scope(db_engine) as session:
        newest = list_predictors(session, tenant_id="default", limit=1)[0]
        report = read_report(session, predictor_id=newest.id).report
    assert report["overtaken"]


@pytest.mark.parametrize(("champion_labels", "grows"), [(100, True), (101, False)])
def test_a_strategy_grows_that_by_labels_like_those_of_the_last_days_will_have_a_fifth_more(
    db_engine: Database, encoder: TaskEncoder, champion_labels: int, grows: bool
) -> None:
    _train_on(db_engine, encoder, range(60))
    served = load(db_engine, encoder).version_ids[0]
    offer_again(db_engine, encoder, beside=served, champion_labels=champion_labels)
    with session_scope(db_engine) as session:
        newest = list_predictors(session, tenant_id="default", limit=1)[0]
        report = read_report(session, predictor_id=newest.id).report
    assert report["is_growing"] is grows  # 60 and as many again are 120
    assert not report["is_tried"]


def test_a_damaged_champions_challenger_is_judged_beside_the_version_that_serves(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    _train_on(db_engine, encoder, range(60))
    _train_on(db_engine, encoder, range(400, 520))
    small, _ = register(db_engine)
    with session_scope(db_engine) as session:
        damaged = read_champions(session, strategy_ids=[small], encoder=encoder.name)[small]
        row = session.get_one(PredictorVersionRow, damaged.id)
        row.artefact = row.artefact[:-64]
    take_in(db_engine, numbers=range(2000, 2050), right=is_sum)
    train(db_engine, encoder)
    with session_scope(db_engine) as session:
        versions = list_predictors(session, tenant_id="default", limit=20)
        newest = next(own for own in versions if own.strategy == "small")
        gate = read_report(session, predictor_id=newest.id).report["gate"]["report"]
    assert damaged.version == 2
    assert gate["outcomes"] == 170  # what the first version has not learnt from


def _train_on(database: Database, encoder: TaskEncoder, numbers: range) -> list[Trained]:
    take_in(database, numbers=numbers, right=is_sum)
    return train(database, encoder)


class CrowningEngine(FakeEngine):
    """Promotes another version of "small" with its so-manieth answer."""

    def __init__(self, database: Database, encoder: TaskEncoder, *, after: int) -> None:
        super().__init__(answer_sums)
        self._database, self._encoder, self._after = database, encoder, after
        self.crowned: int | None = None

    async def generate(self, request: GenerationRequest) -> Completion:
        if len(self.asked) == self._after:
            self.crowned = run_in_transaction(self._database, self._crown)
        return await super().generate(request)

    def _crown(self, session: Session) -> int:
        small = register(self._database)[0]
        known = read_champions(session, strategy_ids=[small], encoder=self._encoder.name)[small]
        return store_champion(
            session, strategy_id=small, encoder=known.encoder, artefact=known.artefact, meta=known.meta
        )


def test_a_job_keeps_its_versions_when_another_is_promoted_and_the_next_plan_has_that(
    db_engine: Database, encoder: TaskEncoder, tmp_path: Path
) -> None:
    take_in(db_engine, numbers=range(60), right=is_sum)
    train(db_engine, encoder)
    with session_scope(db_engine) as session:
        hold_cursors(session)  # settlements are watched from here on
    before = load(db_engine, encoder).version_ids
    numbers = range(5000, 5200)
    job_id = submit(
        db_engine,
        predictions=predict_flat(len(numbers), small=(0.9, 5.0), large=(0.5, 20.0)),
        objective=budget(10_000),
        version_ids=before,
        tasks=[make_task(number) for number in numbers],
    )
    engine = CrowningEngine(db_engine, encoder, after=100)
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path, window_tasks=40, batch_tasks=16))
    run_in_transaction(db_engine, lambda session: follow_settlements(session, young_seconds=0))
    after = load(db_engine, encoder).version_ids
    assert after == (engine.crowned, before[1])
    assert after != before
    with session_scope(db_engine) as session:
        assert tuple(read_version_ids(session, job_id=job_id)) == before
        assert all(result.outcome is not None for result in iterate_results(session, job_id=job_id))
        drifts = read_drifts(session, version_ids=[*before, *after])
    assert {version_id: drift.outcomes for version_id, drift in drifts.items()} == {before[0]: len(numbers)}
