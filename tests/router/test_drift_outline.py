"""Which kinds of tasks are alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.drift.outline import (
    LEAST_TASKS,
    MOST,
    MOST_TASKS,
    Outline,
    correlate,
    outline_tasks,
    read_outline,
    write_outline,
)

DIMENSION = 64


def draw(kind: int, tasks: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Vectors of length 1 about a direction of their kind's."""
    towards = np.random.default_rng(1000 + kind).normal(0, 1, DIMENSION)
    vectors = towards + np.random.default_rng(seed).normal(0, 1.5, (tasks, DIMENSION))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def outline(kind: int, tasks: int, *, seed: int = 0) -> Outline:
    own = outline_tasks(draw(kind, tasks, seed=seed))
    assert own is not None
    return own


@settings(max_examples=50)
@given(st.integers(LEAST_TASKS, 400), st.integers(LEAST_TASKS, 400), st.integers(0, 99))
def test_draws_of_one_kind_are_alike_and_those_of_two_are_not(one: int, other: int, seed: int) -> None:
    assert correlate(outline(1, one, seed=seed), outline(1, other, seed=seed + 100)) == 0
    apart = correlate(outline(1, one, seed=seed), outline(2, other, seed=seed + 100))
    assert 0.2 < apart <= MOST
    assert apart == correlate(outline(2, other, seed=seed + 100), outline(1, one, seed=seed))


def test_a_mixture_lies_between_its_kinds() -> None:
    mixed = outline_tasks(np.concatenate((draw(1, 300), draw(2, 100))))
    assert mixed is not None
    assert 0 < correlate(mixed, outline(1, 200)) < correlate(mixed, outline(2, 200))


def test_what_is_stored_is_the_same_to_a_thousandth() -> None:
    own = outline(1, 100)
    stored = write_outline(own)
    again = read_outline(stored)
    assert len(stored) == 8 + 2 * DIMENSION
    assert again.tasks == own.tasks
    assert again.spread == pytest.approx(own.spread, rel=1e-6)
    np.testing.assert_allclose(again.centre, own.centre, atol=1e-3)
    assert correlate(again, own) == 0


def test_few_tasks_have_no_kind() -> None:
    assert outline_tasks(draw(1, LEAST_TASKS - 1)) is None
    assert outline_tasks(np.empty((0, 0), dtype=np.float32)) is None


def test_of_very_many_tasks_some_stand_for_all() -> None:
    vectors = draw(1, 3 * MOST_TASKS)
    many = outline_tasks(vectors)
    assert many is not None
    assert many.tasks == MOST_TASKS
    assert correlate(many, outline(1, 200, seed=7)) == 0


def test_identical_tasks_are_unlike_all_others() -> None:
    one, other = (outline_tasks(np.tile(draw(kind, 1), (30, 1))) for kind in (1, 2))
    assert one is not None
    assert other is not None
    assert correlate(one, one) == 0
    assert correlate(one, other) == MOST
