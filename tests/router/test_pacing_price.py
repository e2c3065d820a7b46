"""Prices of sketches and windows paced by them, against allocations of everything at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router import FrontierSketch, PriceScale, allocate, frontier, sketch_frontier
from router.errors import InfeasibleBudget
from router.pacing.price import bound_accuracy, find_price, spend_at
from router.pacing.scale import WIDER, fit_scale
from router.pacing.window import PacedWindow, pace_window
from router.sketch import BUCKETS, empty_sketch
from tests.router.pools import Pool, make_pools

Cells = NDArray[np.float64]

FINE = PriceScale(unit="tokens", lowest=1e-6, highest=1e6)
COARSE = PriceScale(unit="tokens", lowest=0.5, highest=2.0)  # many prices lie beyond both ends
SCALES = st.sampled_from([FINE, COARSE])
ROUNDING = 1e-9


def make_cells(seed: int, tasks: int, *, forbidden: float = 0.1) -> tuple[Cells, Cells]:
    rng = np.random.default_rng(seed)
    accuracy, cost = rng.random((tasks, 5)), np.ceil(100 * rng.lognormal(0, 1.5, (tasks, 5)))
    accuracy[:, 1:][rng.random((tasks, 4)) < forbidden] = np.nan
    return accuracy, cost


def range_of(accuracy: Cells, cost: Cells) -> tuple[float, float]:
    curve = frontier(accuracy, cost)
    return float(curve.cost[0]), float(curve.cost[-1])


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 80), st.floats(0, 1), SCALES)
def test_a_price_spends_the_money_and_lies_beside_the_exact_one(
    seed: int, tasks: int, share: float, scale: PriceScale
) -> None:
    accuracy, cost = make_cells(seed, tasks)
    least, most = range_of(accuracy, cost)
    money = least + share * (most - least)
    sketch = sketch_frontier(accuracy, cost, scale)
    price = find_price(sketch, money)
    assert spend_at(sketch, price) == pytest.approx(money, rel=ROUNDING)
    exact = frontier(accuracy, cost).price_at(money)
    edges = [np.inf, *scale.edges(), 0.0]
    if 0 < price.bucket < BUCKETS and exact > 0:
        assert edges[price.bucket + 1] * (1 - ROUNDING) <= price.value <= edges[price.bucket] * (1 + ROUNDING)
    if scale is FINE and 0 < share < 1 and 0.01 < price.share < 0.99:  # else the exact price is a neighbour's
        assert price.value == pytest.approx(exact, rel=2 * (scale.ratio - 1))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), SCALES)
def test_parts_spend_what_the_whole_spends(seed: int, here: int, there: int, share: float, scale: PriceScale) -> None:
    accuracy, cost = make_cells(seed, here + there)
    least, most = range_of(accuracy, cost)
    one, other = (sketch_frontier(accuracy[part], cost[part], scale) for part in (slice(here), slice(here, None)))
    money = least + share * (most - least)
    price = find_price(one + other, money)
    assert spend_at(one, price) + spend_at(other, price) == pytest.approx(money, rel=ROUNDING)


@settings(max_examples=100)
@given(make_pools(), st.floats(0, 1), SCALES)
def test_the_bound_holds_for_every_choice(pool: Pool, share: float, scale: PriceScale) -> None:
    accuracies, costs = pool.totals()
    money = costs.min() + share * (costs.max() - costs.min())
    sketch = sketch_frontier(*pool, scale)
    bound = bound_accuracy(sketch, money, find_price(sketch, money))
    best = accuracies[costs <= money].max()
    assert bound >= best - ROUNDING * abs(best)
    assert bound <= accuracies.max() + ROUNDING * abs(accuracies.max())


def test_less_than_the_cheapest_total_has_no_price() -> None:
    sketch = sketch_frontier(*make_cells(0, 5), FINE)
    with pytest.raises(InfeasibleBudget):
        find_price(sketch, sketch.cost * (1 - 1e-9))
    assert find_price(sketch, sketch.cost).share == 0
    assert spend_at(sketch, find_price(sketch, sketch.cost)) == sketch.cost


def test_enough_money_for_everything_has_the_price_nothing() -> None:
    accuracy, cost = make_cells(0, 5)
    sketch = sketch_frontier(accuracy, cost, FINE)
    price = find_price(sketch, 10 * cost.sum())
    assert (price.bucket, price.value) == (BUCKETS, 0.0)
    assert spend_at(sketch, price) == pytest.approx(range_of(accuracy, cost)[1])
    assert find_price(empty_sketch(FINE), 0.0).value == 0.0


def pace(accuracy: Cells, cost: Cells, money: float, *, size: int, scale: PriceScale) -> list[PacedWindow]:
    """Window after window, each under what those before it left."""
    rest, paced = sketch_frontier(accuracy, cost, scale), []
    for start in range(0, len(cost), size):
        window = slice(start, start + size)
        rest -= sketch_frontier(accuracy[window], cost[window], scale)
        paced.append(pace_window(accuracy[window], cost[window], rest=rest, money=money))
        money -= paced[-1].allocation.cost
    assert (rest.tasks, rest.cost, rest.extra_cost.sum(), rest.gain.sum()) == (0, 0.0, 0.0, 0.0)
    return paced


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(20, 300), st.integers(5, 50), st.floats(0.001, 1.2), SCALES)
def test_windows_stay_within_the_money_and_their_bound_holds(
    seed: int, tasks: int, size: int, share: float, scale: PriceScale
) -> None:
    accuracy, cost = make_cells(seed, tasks)
    least, most = range_of(accuracy, cost)
    money = least + share * (most - least)
    paced = pace(accuracy, cost, money, size=size, scale=scale)
    best = allocate(accuracy, cost, money)
    assert sum(window.allocation.cost for window in paced) <= money * (1 + 1e-12)
    assert all(window.allocation.cost <= window.allowance for window in paced)
    assert paced[0].upper_bound >= best.accuracy - ROUNDING
    assert sum(window.allocation.accuracy for window in paced) <= paced[0].upper_bound + ROUNDING
    assert all(window.gap >= 0 for window in paced)


def test_windows_together_are_as_good_as_one_allocation() -> None:
    accuracy, cost = make_cells(0, 20_000)
    order = np.argsort(-np.nanmean(accuracy, axis=1))  # the hard tasks last
    accuracy, cost = accuracy[order], cost[order]
    least, most = range_of(accuracy, cost)
    money = least + 0.2 * (most - least)
    paced = pace(accuracy, cost, money, size=500, scale=fit_scale(accuracy, cost, unit="tokens"))
    best = allocate(accuracy, cost, money)
    assert sum(window.allocation.accuracy for window in paced) >= 0.99999 * best.accuracy
    assert sum(window.allocation.cost for window in paced) >= 0.9999 * money
    assert paced[0].gap <= 1e-4 * best.accuracy
    assert paced[0].price.value == pytest.approx(best.shadow_price, rel=0.01)


def test_a_window_without_a_rest_is_allocated_as_a_whole() -> None:
    accuracy, cost = make_cells(3, 50)
    least, most = range_of(accuracy, cost)
    money = (least + most) / 2
    alone = pace_window(accuracy, cost, rest=empty_sketch(FINE), money=money)
    assert alone.allowance == pytest.approx(money)
    assert alone.allocation.accuracy == pytest.approx(allocate(accuracy, cost, alone.allowance).accuracy)


def test_a_window_is_refused_when_it_and_the_rest_can_not_be_served() -> None:
    accuracy, cost = make_cells(4, 20)
    rest = sketch_frontier(accuracy[10:], cost[10:], FINE)
    least = range_of(accuracy, cost)[0]
    with pytest.raises(InfeasibleBudget):
        pace_window(accuracy[:10], cost[:10], rest=rest, money=least - 1)
    assert (
        pace_window(accuracy[:10], cost[:10], rest=rest, money=least).allocation.cost
        == np.nanmin(np.where(np.isnan(accuracy[:10]), np.nan, cost[:10]), axis=1).sum()
    )


def test_a_scale_reaches_past_all_prices_of_its_tasks() -> None:
    accuracy, cost = make_cells(5, 2000)
    scale = fit_scale(accuracy, cost, unit="tokens")
    prices = frontier(accuracy, cost).price
    assert (scale.unit, scale.lowest, scale.highest) == ("tokens", prices[-1] / WIDER, prices[0] * WIDER)
    sketch = sketch_frontier(accuracy, cost, scale)
    assert sketch.upgrades[0] == sketch.upgrades[-1] == 0


def test_a_large_job_is_sampled_from_end_to_end() -> None:
    steep, level = np.array([[0.0, 1.0]]), np.array([[0.0, 1e-6]])
    accuracy = np.concatenate([np.repeat(steep, 20_000, axis=0), np.repeat(level, 20_000, axis=0)])
    scale = fit_scale(accuracy, np.tile([1.0, 2.0], (40_000, 1)), unit="tokens")
    assert (scale.lowest, scale.highest) == (1e-6 / WIDER, WIDER)


def test_one_strategy_has_a_scale_too() -> None:
    scale = fit_scale([[0.5], [0.2]], [[1.0], [2.0]], unit="tokens")
    assert scale.lowest < 1 < scale.highest


def make_sketch(seed: int) -> FrontierSketch:
    return sketch_frontier(*make_cells(seed, 30), FINE)


def test_a_scaled_sketch_has_the_same_prices_at_as_much_money_a_task() -> None:
    sketch = make_sketch(6)
    money = sketch.cost + 0.3 * sketch.extra_cost.sum()
    whole, part = find_price(sketch, money), find_price(sketch * 0.25, money * 0.25)
    assert ((sketch * 0.25).tasks, part.bucket) == (7.5, whole.bucket)
    assert part.share == pytest.approx(whole.share)
    assert part.value == pytest.approx(whole.value)
