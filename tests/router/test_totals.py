"""Sums against exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.instance import make_instance
from router.totals import Remainder, find_real_budget, largest_sum, subtract


@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_is_rounded_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.lognormal(0, 3, 5000)
    budget = float(costs.sum()) * (1 + rng.normal(0, 1e-15))
    assert subtract(Remainder(budget, 0.0), costs).rounded == pytest.approx(math.fsum([budget, *-costs]), rel=1e-9)
    halfway = subtract(Remainder(budget, 0.0), costs[:2000])
    assert subtract(halfway, costs[2000:]).rounded == pytest.approx(math.fsum([budget, *-costs]), rel=1e-9)


@settings(max_examples=200)
@given(st.lists(st.floats(1e-9, 1e13) | st.sampled_from([0.1, 0.2, 0.3, 0.7]), min_size=1, max_size=40))
def test_the_real_sum_of_what_fits_fits_the_real_budget(costs: list[float]) -> None:
    instance = make_instance(np.zeros((len(costs), 1)), np.array(costs)[:, np.newaxis])
    budget = largest_sum(np.array(costs))
    assert sum(map(Fraction, costs)) <= Fraction(find_real_budget(budget, instance))


def test_whole_costs_round_the_budget_down() -> None:
    instance = make_instance(np.zeros((3, 2)), np.array([[4.0, 12.0], [8.0, 0.0], [math.nan, 1e300]]))
    assert find_real_budget(19.9, instance) == 16.0
    assert find_real_budget(16.0, instance) == 16.0
    assert find_real_budget(math.nextafter(16.0, 0.0), instance) == 12.0
    assert find_real_budget(math.inf, instance) == math.inf
