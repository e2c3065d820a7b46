"""Values of policies from logs of other policies: without bias, at the cost asked for, and silent without support."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.promotion.off_policy import LoggedChoices, Predicted, estimate_at_cost, estimate_policy, fit_price

STRATEGIES = 3
COST = np.array([1.0, 3.0, 8.0])


def make_log(seed: int, tasks: int, *, explored: float = 0.3) -> tuple[LoggedChoices, Predicted]:
    """A log, and the truth that it was drawn from."""
    rng = np.random.default_rng(seed)
    accuracy = rng.beta(2, 2, (tasks, 1)) * np.array([0.5, 0.75, 1.0])
    cost = COST * rng.uniform(0.5, 1.5, (tasks, STRATEGIES))
    best = rng.integers(0, STRATEGIES, tasks)
    propensity = np.full((tasks, STRATEGIES), explored / STRATEGIES)
    propensity[np.arange(tasks), best] += 1 - explored
    drawn = (rng.random((tasks, 1)) < propensity.cumsum(axis=1)).argmax(axis=1)
    log = LoggedChoices(
        propensity=propensity,
        drawn=drawn,
        correct=(rng.random(tasks) < accuracy[np.arange(tasks), drawn]).astype(np.float64),
        cost=cost[np.arange(tasks), drawn],
        window=np.arange(tasks) // 50,
    )
    return log, Predicted(accuracy=accuracy, cost=cost)


def shift(truth: Predicted) -> Predicted:
    """A model that is wrong about everything."""
    return Predicted(accuracy=truth.accuracy * 0.5 + 0.3, cost=truth.cost[:, ::-1] * 1.3)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_intervals_hold_the_truth_though_the_model_is_wrong(seed: int) -> None:
    log, truth = make_log(seed, 4000)
    choice = truth.choose(0.02)
    rows = np.arange(len(choice))
    value = estimate_policy(log, choice, model=shift(truth)).value
    assert value is not None
    for mean, true in ((value.accuracy, truth.accuracy), (value.cost, truth.cost)):
        low, high = mean.interval(0.99999)
        assert low < true[rows, choice].mean() < high


def test_a_right_model_makes_estimates_sharper() -> None:
    log, truth = make_log(1, 4000)
    choice = truth.choose(0.02)
    found = [estimate_policy(log, choice, model=model).value for model in (truth, shift(truth))]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].cost.standard_error < 0.5 * found[1].cost.standard_error


@pytest.mark.parametrize("cost", [1.5, 3.0, 6.0])
def test_a_policy_is_judged_at_the_cost_that_was_asked_for(cost: float) -> None:
    log, truth = make_log(2, 12_000)
    value = estimate_at_cost(log, policy=truth, model=shift(truth), cost=cost).value
    assert value is not None
    assert value.cost.mean == pytest.approx(cost, abs=5 * value.cost.standard_error)


def test_a_cost_that_nothing_keeps_to_leaves_the_cheapest() -> None:
    log, truth = make_log(3, 2000)
    price = fit_price(log, policy=truth, model=truth, cost=0.1)
    assert price == np.inf
    assert (truth.choose(price) == truth.cost.argmin(axis=1)).all()


def test_nothing_is_claimed_of_choices_that_the_log_could_not_make() -> None:
    log, truth = make_log(4, 2000, explored=0.0)
    estimate = estimate_policy(log, truth.choose(0.02), model=truth)
    assert estimate.value is None
    assert estimate.support.unseen > 0.5


def test_nothing_is_claimed_from_a_few_heavy_rows() -> None:
    log, truth = make_log(5, 2000, explored=0.003)
    other: NDArray[np.int64] = (log.propensity.argmax(axis=1) + 1) % STRATEGIES
    estimate = estimate_policy(log, other, model=truth)
    assert estimate.value is None
    assert estimate.support.unseen == 0


def test_strategies_that_are_not_allowed_are_not_chosen() -> None:
    policy = Predicted(accuracy=np.array([[0.5, 0.9]]), cost=np.array([[1.0, np.nan]]))
    assert policy.choose(0.0).tolist() == [0]
