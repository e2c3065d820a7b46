"""A kept answer as a column of a window's predictions."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.jobs import Job
from db.kept_answers import KeptAnswer
from db.predictions import Predictions
from db.states import JobKind, JobState, RequeueReason
from db.windows import ClaimedWindow, Requeued
from router.engine_time import EngineTime
from router.failure_shift import PRIOR_OWN, learn_shifts
from router.second_chance import Failure
from tests.worker.fake_night import budget, predict_flat
from worker.objective import Mode, Objective
from worker.second_chance_offer import LEAST_GAIN, add_kept_engine, find_offers, offer_kept
from worker.second_chance_terms import SecondChanceTerms
from worker.window_choice import choose_weighted

IDS = (70, 80)
TERMS = SecondChanceTerms(shifts=learn_shifts({}, strategies=2), learnt_from=0)
ONE = np.ones(4, dtype=np.float32)


def make_job() -> Job:
    return Job(
        id=1,
        tenant_id="default",
        kind=JobKind.RUN,
        state=JobState.RUNNING,
        objective=budget(100).to_json(),
        budget_id=1,
        task_count=9,
        cursor_seq=9,
        strategy_ids=IDS,
        encoder="none",
        meta={},
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        started_at=None,
        finished_at=None,
        priority=0,
        deadline=None,
        paused=False,
        promised=False,
        twins=0,
        continues_job_id=None,
        second_chances=True,
    )


def make_window(kept: dict[int, KeptAnswer]) -> ClaimedWindow:
    """Tasks 2, 4, 6 and 8 have come back, these with kept answers."""
    back = [
        Requeued(
            seq=seq,
            arm=0,
            reason=RequeueReason.RETRY,
            attempt_no=1,
            excluded_strategy_ids=[],
            kept=kept.get(seq),
        )
        for seq in (2, 4, 6, 8)
    ]
    return ClaimedWindow(id=1, fence=1, job_id=1, seqs=[2, 4, 6, 8], requeued=back, cursor_seq=9)


def keep(failure: Failure, *, score: float = 0.0) -> KeptAnswer:
    return KeptAnswer(strategy_id=IDS[0], failure=failure.value, score=score)


def offer(
    kept: dict[int, KeptAnswer], *, large: float = 0.6, weight: np.ndarray = ONE
) -> tuple[Predictions, np.ndarray]:
    window = make_window(kept)
    own = predict_flat(4, small=(0.5, 5.0), large=(large, 20.0))
    own.accuracy[:] *= weight[:, None]
    return offer_kept(own, job=make_job(), window=window, terms=TERMS, weight=weight), find_offers(window)


def test_only_tasks_with_a_kept_answer_have_it_on_offer() -> None:
    offered, rows = offer({4: keep(Failure.NO_ANSWER), 8: keep(Failure.CHECK_FAILED, score=0.25)})
    assert rows.tolist() == [False, True, False, True]
    assert offered.cost[:, -1].tolist() == pytest.approx([np.nan, 0.0, np.nan, 0.0], nan_ok=True)
    assert offered.accuracy[:, -1].tolist() == pytest.approx([np.nan, 0.0, np.nan, 0.25], nan_ok=True)
    assert offered.accuracy[[0, 2], :2] == pytest.approx(np.array([[0.5, 0.6]] * 2))
    assert np.all(offered.accuracy[[1, 3], 1] < 0.6)


def test_a_close_vote_is_worth_what_its_strategy_s_failures_leave() -> None:
    offered, _ = offer({2: keep(Failure.DISAGREEMENT, score=0.4)})
    assert offered.accuracy[0, -1] == pytest.approx(1 / (1 + np.exp(-PRIOR_OWN)))  # even odds, shifted


@pytest.mark.parametrize("large", [0.0, 0.2, 0.9])
def test_what_promises_too_little_is_not_asked(large: float) -> None:
    offered, _ = offer({2: keep(Failure.CHECK_FAILED, score=0.25)}, large=large)
    left = offered.accuracy[0, 1]
    assert np.isnan(left) or left >= 0.25 + LEAST_GAIN
    assert np.isnan(left) == (large < 0.5)


def test_a_task_that_answers_others_too_counts_for_all_of_them() -> None:
    kept = {2: keep(Failure.CHECK_FAILED, score=0.25), 6: keep(Failure.DISAGREEMENT, score=0.4)}
    plain, _ = offer(kept)
    weighed, _ = offer(kept, weight=np.array([3, 1, 2, 1], dtype=np.float32))
    assert weighed.accuracy[0] == pytest.approx(3 * plain.accuracy[0], nan_ok=True)
    assert weighed.accuracy[2] == pytest.approx(2 * plain.accuracy[2], nan_ok=True)


@given(w=st.floats(0.05, 0.95), large=st.floats(0.01, 0.99), score=st.floats(0, 0.9))
def test_a_task_is_asked_again_where_the_gain_is_worth_its_cost(w: float, large: float, score: float) -> None:
    """Under a weight the price is known: (1 - w) / w right answers for the reference cost."""
    offered, _ = offer({2: keep(Failure.CHECK_FAILED, score=score)}, large=large)
    offered.accuracy[0, 0] = offered.cost[0, 0] = np.nan  # the one that failed
    objective = Objective(mode=Mode.WEIGHT, unit=budget(1).unit, stated="", w=w, reference_cost=50.0)
    chosen = choose_weighted(offered, objective=objective).choice[0]
    gain = TERMS.shifts.condition(np.array([[0.5, large]]), failures=[Failure.CHECK_FAILED], failed=[0])[0, 1] - score
    worth = w * gain - (1 - w) * 20 / 50
    if abs(worth) > 1e-6 and abs(gain - LEAST_GAIN) > 1e-6:
        assert chosen == (1 if worth > 0 and gain >= LEAST_GAIN else 2)


def test_a_kept_answer_takes_no_engine_s_time() -> None:
    time = EngineTime(
        names=("a",),
        engine_of=np.array([0, 0]),
        rate=np.array([2.0]),
        queued=np.array([1.0]),
        seconds_left=10.0,
    )
    wider = add_kept_engine(time)
    assert wider.find_limits(1.0).tolist() == [19.0, np.inf]
    load = wider.add_up(np.array([[4.0, 4.0, 0.0]]), np.array([2]))
    assert wider.stretch_of(load) == 0.0
