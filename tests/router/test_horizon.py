"""Where a predictor stops trusting what it knows of like tasks, and what it says there."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.clusters import find_nearest
from router.fold import FoldedPair, fold_pair
from router.horizon import END, START, UNBOUNDED, fade, measure_spread, unbounded_horizon
from router.predictor import PredictorConfig
from router.stack import PredictorStack
from router.training import train_pair

DIMENSION, ROWS = 16, 160
CONFIG = PredictorConfig(max_steps=20)

FloatArray = NDArray[np.float32]

probabilities = st.floats(0.0625, 0.9375, width=32)


def draw_kinds(count: int, *, kinds: slice, seed: int) -> FloatArray:
    """Tasks of some of eight kinds, one direction each."""
    generator = np.random.default_rng(seed)
    centers = np.eye(DIMENSION)[:8][kinds]
    tasks = centers[np.arange(count) % len(centers)] + 0.05 * generator.normal(size=(count, DIMENSION))
    return np.asarray(tasks / np.linalg.norm(tasks, axis=1, keepdims=True), dtype=np.float32)


def pair_of(correct: NDArray[np.bool_], *, config: PredictorConfig = CONFIG) -> FoldedPair:
    """Taught tasks of the first six kinds."""
    nothing = np.zeros(DIMENSION, dtype=np.float32)
    tokens = np.full(ROWS, 9.0)
    tasks = draw_kinds(ROWS, kinds=slice(6), seed=1)
    return fold_pair(
        train_pair(
            tasks,
            correct.astype(np.float32),
            tokens,
            model_vector=nothing,
            decoding_vector=nothing,
            config=config,
            seed=1,
        )
    )


@given(accuracy=probabilities, line=probabilities, near=st.floats(0, 0.99), far=st.floats(0, 3))
def test_accuracies_fade_from_what_is_known_to_the_line(accuracy: float, line: float, near: float, far: float) -> None:
    distances = np.array([near * START, START + near * (END - START), END * (1 + far)], dtype=np.float32)
    known, beyond = np.full(3, accuracy, dtype=np.float32), np.full(3, line, dtype=np.float32)
    at_hand, between, out_there = fade(known, beyond, distances, 1.0)
    assert at_hand == known[0]
    assert min(accuracy, line) - 1e-5 <= between <= max(accuracy, line) + 1e-5
    assert abs(out_there - line) < 1e-5


def test_a_line_is_never_sure_out_there() -> None:
    far = np.full(2, 9.0, dtype=np.float32)
    faded = fade(np.full(2, 0.5), np.array([-3.0, 4.0]), far, 1.0)
    assert np.allclose(faded, (0.01, 0.99))


def test_a_task_of_a_kind_that_nobody_has_seen_is_judged_by_the_line() -> None:
    pair = pair_of(np.arange(ROWS) % 6 < 3)
    unseen = draw_kinds(40, kinds=slice(6, 8), seed=2)
    assert (find_nearest(unseen, pair.clusters.centroids).distance > END * pair.horizon.spread).all()
    served = PredictorStack([pair]).predict(unseen).accuracy[:, 0]
    assert np.allclose(served, np.clip(unseen @ pair.horizon.weight + pair.horizon.bias, 0.01, 0.99), atol=1e-5)
    familiar = PredictorStack([pair]).predict(draw_kinds(60, kinds=slice(6), seed=3)).accuracy
    assert np.ptp(served) < 0.1 < np.ptp(familiar)


def test_familiar_tasks_are_served_as_if_nothing_lay_beyond() -> None:
    pair = pair_of(np.arange(ROWS) % 6 < 3)
    known = draw_kinds(60, kinds=slice(6), seed=3)
    endless = replace(pair, horizon=unbounded_horizon(DIMENSION))
    assert np.array_equal(
        PredictorStack([pair]).predict(known).accuracy, PredictorStack([endless]).predict(known).accuracy
    )


def test_a_stack_serves_near_and_far_tasks_as_its_pairs_do_alone() -> None:
    generator = np.random.default_rng(5)
    pairs = [pair_of(generator.random(ROWS) < share) for share in (0.4, 0.7)]
    pairs.append(replace(pairs[0], horizon=unbounded_horizon(DIMENSION)))  # for which no task is far
    tasks = np.concatenate((draw_kinds(50, kinds=slice(8), seed=6), draw_kinds(20, kinds=slice(6, 8), seed=7)))
    together = PredictorStack(pairs).predict(tasks).accuracy
    for column, pair in enumerate(pairs):
        assert np.allclose(together[:, column], PredictorStack([pair]).predict(tasks).accuracy[:, 0], atol=1e-6)


def test_one_text_over_and_over_has_no_far_tasks() -> None:
    assert measure_spread(np.ones((5, DIMENSION), dtype=np.float32)) == UNBOUNDED
