"""How a window explores beside its best choice: within what was left out of the plan, and only where there is room."""

import math
from dataclasses import replace

import numpy as np
import pytest

from db.explorations import NOBODY
from db.predictions import Predictions
from router.allocate import allocate
from router.engine_time import EngineTime, TimedAllocation
from worker.exploration_terms import ExplorationTerms, parse_exploration, settle_exploration
from worker.window_choice import Certificate, WindowChoice
from worker.window_exploration import WindowExploration, explore_window

TASKS = 200
TERMS = ExplorationTerms(share=0.1, points=1.0, need=(0.5, 0.5))
PROVEN = Certificate(shadow_price=0.01, upper_bound=0.0, gap=0.0)


def predict(seed: int = 0) -> Predictions:
    """Two strategies of about 5 and 20 quanta, and up to twice that at worst."""
    rng = np.random.default_rng(seed)
    cost = np.array([5.0, 20.0]) * (0.5 + rng.random((TASKS, 2)))
    return Predictions(
        accuracy=rng.random((TASKS, 2)).astype(np.float32),
        cost=cost,
        worst_cost=2 * cost,
        prompt_tokens=np.full((TASKS, 2), 5, dtype=np.int32),
    )


def choose(window: Predictions) -> WindowChoice:
    worth = window.accuracy - PROVEN.shadow_price * window.cost
    return WindowChoice(choice=worth.argmax(axis=1), certificate=PROVEN, allowance=None)


def explore(
    window: Predictions,
    chosen: WindowChoice,
    *,
    terms: ExplorationTerms = TERMS,
    ratio: float = 1.0,
    dearest: float = math.inf,
) -> WindowExploration:
    explored = explore_window(window, chosen, terms=terms, ratio=ratio, dearest=dearest, seed=(1, 2))
    assert explored is not None
    return explored


def planned_cost(window: Predictions, chosen: WindowChoice) -> float:
    return float(window.cost[np.arange(TASKS), chosen.choice].sum())


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_explored_tasks_at_their_worst_cost_what_was_left_out_of_the_plan(ratio: float) -> None:
    window = predict()
    chosen = choose(window)
    explored = explore(window, chosen, ratio=ratio, terms=replace(TERMS, share=0.01, points=100.0))
    planned = ratio * planned_cost(window, chosen)  # what it will settle at
    assert explored.set_aside == math.ceil(planned * 0.01 / 0.99)
    assert 0.9 * explored.set_aside < explored.worst_extra_cost <= explored.set_aside


def test_the_accuracy_given_up_is_that_of_the_terms() -> None:
    window = predict()
    explored = explore(window, choose(window), terms=replace(TERMS, share=0.5, points=0.25))
    assert explored.exploration.accuracy_given_up == pytest.approx(0.0025 * TASKS)


def test_nothing_is_tried_that_may_cost_more_than_the_dearest_may() -> None:
    window = predict()
    chosen = choose(window)
    explored = explore(window, chosen, dearest=20.0)
    tried = explored.exploration.propensity[:, 1] > 0
    extra = window.worst_cost[:, 1] - window.cost[:, 0]
    assert not (tried & (extra > 20) & (chosen.choice == 0)).any()
    assert (tried & (chosen.choice == 0)).any()


def test_the_share_that_is_used_is_enough_to_explore_as_much() -> None:
    window = predict()
    chosen = choose(window)
    first = explore(window, chosen, terms=replace(TERMS, share=0.5))
    assert 0 < first.share_used < 0.5
    again = explore(window, chosen, terms=replace(TERMS, share=first.share_used * 1.000_01))
    assert again.worst_extra_cost <= again.set_aside
    assert again.exploration.accuracy_given_up == pytest.approx(first.exploration.accuracy_given_up, rel=0.1)


def test_a_window_without_a_certificate_or_without_time_does_not_explore() -> None:
    window = predict()
    chosen = choose(window)
    assert explore_window(window, replace(chosen, certificate=None), terms=TERMS, ratio=1.0, seed=(1,)) is None
    time = EngineTime(
        names=("fake",), engine_of=np.zeros(2, dtype=np.int64), rate=np.ones(1), queued=np.zeros(1), seconds_left=60.0
    )
    free = allocate(window.accuracy, window.cost, 1e9)
    for stretch, explores in ((0.5, True), (0.95, False), (2.0, False)):
        timed = TimedAllocation(allocation=free, time=time, stretch=stretch, second_price=np.zeros(1))
        found = explore_window(window, replace(chosen, timed=timed), terms=TERMS, ratio=1.0, seed=(1,))
        assert (found is not None) == explores


def test_tasks_that_nobody_serves_have_rows_without_chances() -> None:
    window = predict()
    explored = explore(window, choose(window))
    served = np.ones(TASKS + 2, dtype=bool)
    served[[0, 50]] = False
    rows = explored.to_rows(served)
    assert (rows.best[~served] == NOBODY).all()
    assert (rows.intended[~served] == NOBODY).all()
    assert not rows.propensity[~served].any()
    assert (rows.intended[served] == explored.intended).all()
    assert (rows.propensity[served, rows.intended[served]] == explored.chances).all()


def test_the_same_lots_are_drawn_for_the_same_window() -> None:
    window = predict()
    once, again = (explore(window, choose(window)).intended for _ in range(2))
    other = explore_window(window, choose(window), terms=TERMS, ratio=1.0, seed=(1, 3))
    assert other is not None
    assert (once == again).all()
    assert (once != other.intended).any()


def test_the_share_is_read_as_people_write_it() -> None:
    assert [parse_exploration(text) for text in ("off", "OFF", "0", "5%", "0.05", " 2.5% ")] == pytest.approx(
        [0, 0, 0, 0.05, 0.05, 0.025]
    )


@pytest.mark.parametrize("text", ["", "on", "-1%", "51%", "nan", "5"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='write "off", or a share of the money up to 50%'):
        parse_exploration(text)


def test_a_pool_of_one_and_a_share_of_nothing_have_no_terms() -> None:
    assert settle_exploration(0.05, outcomes=[200]) is None
    assert settle_exploration(0.0, outcomes=[200, 200]) is None
    terms = settle_exploration(0.05, outcomes=[0, 200])
    assert terms is not None
    assert terms.need[0] > terms.need[1]
    assert ExplorationTerms.from_json(terms.to_json()) == terms
