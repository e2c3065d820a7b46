"""Streams: what a forgetting sketch expects, how many tasks are to come, and leases that never add up to too much."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import FrontierSketch, PriceScale, sketch_frontier
from router.errors import InvalidAllocationInput, SketchMismatch
from router.pacing.arrivals import ArrivalSketch, SketchOrigin, begin_arrivals
from router.pacing.horizon import EXCESS, Period, expect_arrivals, expect_volume
from router.pacing.lease import Lease, grant_amount
from router.pacing.price import Price

SCALE = PriceScale(unit="tokens", lowest=1e-6, highest=1e6)
ORIGIN = SketchOrigin(predictor_version="7", scale=SCALE, kept_per_epoch=0.5)


def make_window(seed: int, tasks: int = 20) -> FrontierSketch:
    rng = np.random.default_rng(seed)
    return sketch_frontier(rng.random((tasks, 4)), rng.lognormal(0, 1, (tasks, 4)), SCALE)


def test_earlier_epochs_count_for_less() -> None:
    first, second = make_window(0, tasks=20), make_window(1, tasks=30)
    sketch = begin_arrivals(ORIGIN, epoch=3).add(first).at_epoch(5).add(second)
    assert (sketch.epoch, sketch.seen.tasks) == (5, 20 * 0.25 + 30)
    np.testing.assert_allclose(sketch.seen.gain, 0.25 * first.gain + second.gain)
    assert sketch.seen.cost == pytest.approx(0.25 * first.cost + second.cost)


def test_what_is_expected_has_the_proportions_of_what_was_seen() -> None:
    window = make_window(2)
    expected = begin_arrivals(ORIGIN, epoch=0).add(window).at_epoch(4).expect(1000)
    assert expected.tasks == pytest.approx(1000)
    np.testing.assert_allclose(expected.extra_cost, 50 * window.extra_cost)
    assert begin_arrivals(ORIGIN, epoch=0).expect(1000).tasks == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), max_size=12))
def test_routers_apart_see_what_one_router_sees(arrivals: list[tuple[int, int]]) -> None:
    """Windows as (router, epoch), merged at the last epoch, against all of them in one sketch."""
    alone = begin_arrivals(ORIGIN, epoch=0)
    apart = [begin_arrivals(ORIGIN, epoch=0) for _ in range(4)]
    for seed, (number, epoch) in enumerate(sorted(arrivals, key=lambda arrival: arrival[1])):
        alone = alone.at_epoch(epoch).add(make_window(seed))
        apart[number] = apart[number].at_epoch(epoch).add(make_window(seed))
    merged = apart[0].at_epoch(9)
    for sketch in apart[1:]:
        merged = merged.merge(sketch.at_epoch(9))
    alone = alone.at_epoch(9)
    assert merged.seen.tasks == pytest.approx(alone.seen.tasks)
    np.testing.assert_allclose(merged.seen.gain, alone.seen.gain, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(merged.seen.extra_cost, alone.seen.extra_cost, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    "other",
    [
        {"predictor_version": "8"},
        {"scale": dataclasses.replace(SCALE, unit="FLOPs")},
        {"scale": dataclasses.replace(SCALE, lowest=1e-7)},
        {"kept_per_epoch": 0.6},
    ],
)
def test_sketches_that_were_made_differently_are_not_merged(other: dict[str, object]) -> None:
    origin = dataclasses.replace(ORIGIN, **other)  # type: ignore[arg-type]  # fields by name
    with pytest.raises(SketchMismatch, match=next(iter(other))):
        begin_arrivals(ORIGIN, epoch=0).merge(begin_arrivals(origin, epoch=0))


def test_sketches_at_other_epochs_are_not_merged_and_do_not_go_back() -> None:
    early, late = (begin_arrivals(ORIGIN, epoch=epoch) for epoch in (1, 2))
    with pytest.raises(SketchMismatch, match="bring the earlier one forward"):
        early.merge(late)
    assert early.at_epoch(2).merge(late).epoch == 2
    with pytest.raises(SketchMismatch, match="can not go back"):
        late.at_epoch(1)


def test_a_window_is_taken_away_once() -> None:
    window = make_window(3)
    left = (make_window(4) + window) - window
    assert left.tasks == 20
    with pytest.raises(InvalidAllocationInput, match="take each away once"):
        left - window - window
    with pytest.raises(InvalidAllocationInput, match="take each away once"):
        left - window  # of as many tasks, which are others


def test_a_windows_origin_is_kept() -> None:
    sketch: ArrivalSketch = begin_arrivals(ORIGIN, epoch=0).add(make_window(0))
    assert sketch.origin is ORIGIN


QUIET = np.zeros(0, dtype=np.int64)


def make_period(elapsed: float, *, expected: float | None = None, length: float = 100) -> Period:
    return Period(length=length, elapsed=elapsed, stretch=1.0, expected=expected)


def test_the_rest_of_a_period_is_expected_at_its_mean_rate() -> None:
    assert expect_arrivals(make_period(25), arrived=50, past=QUIET) == pytest.approx(150)
    assert expect_arrivals(make_period(0), arrived=50, past=QUIET) == 0
    assert expect_arrivals(make_period(120), arrived=50, past=QUIET) == 0


def test_an_expectation_is_most_of_what_is_known_at_first_and_little_at_last() -> None:
    begun = expect_arrivals(make_period(0, expected=400), arrived=5, past=QUIET)
    assert begun == pytest.approx(400 + 50)  # the first few tasks at once, as if in a tenth of the period
    early = expect_arrivals(make_period(1, expected=400), arrived=10, past=QUIET)  # ten a second, four expected
    late = expect_arrivals(make_period(90, expected=400), arrived=900, past=QUIET)
    assert early == pytest.approx(99 * 50 / 11)
    assert late == pytest.approx(10 * 940 / 100)


@given(st.floats(0, 1e6), st.floats(0.01, 1e6), st.floats(1, 1e6))
def test_arrivals_as_expected_leave_what_is_missing(elapsed: float, left: float, rate: float) -> None:
    length = elapsed + left
    period = make_period(elapsed, expected=rate * length, length=length)
    assert expect_arrivals(period, arrived=rate * elapsed, past=QUIET) == pytest.approx(rate * left, rel=1e-6)


def test_half_of_the_worst_burst_so_far_is_planned_for() -> None:
    past = np.array([2, 2, 40, 40, *[2] * 94])  # in 98 of 100 seconds
    mean = 2 * past.sum() / 98
    assert expect_arrivals(make_period(98), arrived=past.sum(), past=past) == pytest.approx((mean + 80) / 2)
    mean = 0.5 * past.sum() / 99.5
    assert expect_arrivals(make_period(99.5), arrived=past.sum(), past=past) == pytest.approx((mean + 20) / 2)
    assert expect_arrivals(make_period(100), arrived=past.sum(), past=past) == 0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 40))
def test_a_burst_is_the_densest_run_as_long_as_the_rest(past: list[int], left: int) -> None:
    period = make_period(len(past), length=len(past) + left)
    runs = [sum(past[start : start + left]) for start in range(len(past) - left + 1)]
    mean = left * sum(past) / len(past)
    expected = mean + 0.5 * max(max(runs, default=0) - mean, 0)
    assert expect_arrivals(period, arrived=sum(past), past=np.array(past)) == pytest.approx(expected)


def test_a_stated_volume_counts_down_and_is_not_believed_once_passed() -> None:
    assert expect_volume(1000, arrived=400) == 600
    assert expect_volume(1000, arrived=1000) == 1000 * EXCESS
    assert expect_volume(1000, arrived=3000) == 3000 * EXCESS


@given(st.integers(0, 10**9), st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 10**9))))
def test_leases_never_add_up_to_more_than_is_left(left: int, routers: int, asks: list[tuple[int, int]]) -> None:
    """Routers look in any order, and commit all of a lease or half before they look again."""
    held = [0] * routers
    for turn, asked in asks:
        number = turn % routers
        left -= held[number] // (1 + number % 2)  # committed; the rest is given back
        held[number] = 0
        held[number] = grant_amount(left=left, leased=sum(held), routers=routers, asked=asked)
        assert 0 <= sum(held) <= left
        assert held[number] >= min(asked, left - sum(held) + held[number])


def test_a_grant_is_an_even_part_or_what_the_window_needs() -> None:
    assert grant_amount(left=1600, leased=0, routers=8, asked=10) == 100
    assert grant_amount(left=1600, leased=800, routers=8, asked=10) == 50
    assert grant_amount(left=1600, leased=0, routers=8, asked=300) == 300
    assert grant_amount(left=1600, leased=1500, routers=8, asked=300) == 100
    assert grant_amount(left=1600, leased=1700, routers=8, asked=300) == 0


def test_a_lease_ends_with_its_money_or_its_epoch() -> None:
    lease = Lease(amount=100, price=Price(bucket=3, share=0.5, value=1.0), epoch=4)
    assert lease.covers(100.0, epoch=4)
    assert not lease.covers(100.5, epoch=4)
    assert not lease.covers(10.0, epoch=5)
    assert not lease.spend(60).covers(41.0, epoch=4)
    assert lease.spend(60).amount == 40
