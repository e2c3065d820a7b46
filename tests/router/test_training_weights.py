"""Weights of outcomes: whom a draw stands for, and how much they all say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.training_weights import MOST_WEIGHT, count_effective, weigh_outcomes

PROPENSITIES = st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=30)


def test_what_nobody_chose_keeps_its_weight() -> None:
    design = np.array([1.0, 0.25, 2.0])
    assert weigh_outcomes(design, np.full(3, np.nan)).tolist() == design.tolist()


def test_choices_that_were_certain_count_one_each() -> None:
    assert weigh_outcomes(np.ones(4), np.array([1.0, 1.0, np.nan, 1.0])) == pytest.approx(np.ones(4))


@given(PROPENSITIES)
def test_chosen_outcomes_count_what_they_are_worth_and_none_too_much(propensities: list[float]) -> None:
    weight = weigh_outcomes(np.ones(len(propensities)), np.array(propensities))
    assert weight.sum() == pytest.approx(count_effective(weight))
    assert weight.sum() <= len(weight) + 1e-9
    assert weight.max() / weight.min() <= MOST_WEIGHT + 1e-9
    assert (np.diff(weight[np.argsort(propensities)]) <= 1e-12).all()  # the rarer, the heavier


def test_draws_estimate_the_mean_over_all_tasks() -> None:
    draw = np.random.default_rng(0)
    easy = draw.random(200_000) < 0.5  # where the strategy is right, and where it was sent more
    propensity = np.where(easy, 0.9, 0.4)
    sent = draw.random(len(easy)) < propensity
    weight = weigh_outcomes(np.ones(sent.sum()), propensity[sent])
    assert easy[sent].mean() == pytest.approx(0.9 / 1.3, abs=0.01)  # as they come
    assert np.average(easy[sent], weights=weight) == pytest.approx(0.5, abs=0.01)
