"""Means of clustered rows and boundaries of repeated looks, against scipy, published tables and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from router.promotion.clustered import ClusteredMean, estimate_mean
from router.promotion.spending import find_boundary, spend_obrien_fleming


@given(st.integers(2, 200), st.floats(0.05, 4))
def test_scores_and_intervals_are_those_of_students_t(clusters: int, t: float) -> None:
    mean = ClusteredMean(mean=t, standard_error=1.0, rows=1000, clusters=clusters)
    assert mean.score() == pytest.approx(stats.norm.isf(stats.t.sf(t, clusters - 1)), abs=0.06)
    assert mean.score(2 * t) == pytest.approx(-mean.score())
    if clusters > 4:
        low, high = mean.interval(0.95)
        assert high - mean.mean == pytest.approx(stats.t.ppf(0.975, clusters - 1), rel=0.02)
        assert low + high == pytest.approx(2 * t)


def test_rows_that_only_repeat_their_cluster_say_no_more_than_it() -> None:
    values = np.random.default_rng(1).normal(size=30)
    once, often = estimate_mean(values, np.arange(30)), estimate_mean(np.repeat(values, 50), np.repeat(range(30), 50))
    assert often.mean == pytest.approx(once.mean)
    assert often.standard_error == pytest.approx(once.standard_error)
    assert once.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(30))


def test_whole_weights_count_like_repeated_rows() -> None:
    rng = np.random.default_rng(2)
    values, cluster, weight = rng.normal(size=40), rng.integers(0, 10, 40), rng.integers(1, 4, 40)
    weighted = estimate_mean(values, cluster, weight)
    repeated = estimate_mean(np.repeat(values, weight), np.repeat(cluster, weight))
    assert weighted.mean == pytest.approx(repeated.mean)


def test_one_cluster_says_nothing_of_its_error() -> None:
    alone = estimate_mean([1.0, 1.0, 0.0], [7, 7, 7])
    assert (alone.score(), alone.interval()) == (0.0, (-math.inf, math.inf))


@pytest.mark.parametrize(
    "published", [(2.963, 1.969), (4.877, 3.357, 2.680, 2.290, 2.031)], ids=["two looks", "five looks"]
)
def test_boundaries_are_those_of_lan_and_demets(published: tuple[float, ...]) -> None:
    fractions = [(look + 1) / len(published) for look in range(len(published))]
    found = [find_boundary(tuple(fractions[: look + 1]), alpha=0.025) for look in range(len(published))]
    assert found == pytest.approx(published, abs=0.003)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=6, unique=True).map(sorted))
def test_all_looks_together_err_as_often_as_is_spent(steps: list[int]) -> None:
    fractions, alpha, paths = [step / 20 for step in steps], 0.05, 200_000
    lengths = np.diff([0.0, *fractions])
    motion = np.cumsum(np.random.default_rng(3).normal(size=(paths, len(steps))) * np.sqrt(lengths), axis=1)
    bounds = [find_boundary(tuple(fractions[: look + 1]), alpha=alpha) for look in range(len(steps))]
    crossed = (motion / np.sqrt(fractions) >= bounds).any(axis=1).mean()
    assert crossed == pytest.approx(spend_obrien_fleming(fractions[-1], alpha=alpha), abs=0.0025)
