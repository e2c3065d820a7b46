"""Lessons for a pool of which one strategy a task was seen."""

import numpy as np

from router.pool_lessons import LEAST_COMMON, SEEN_WEIGHT, Expected, Seen, teach_pool

TASKS, STRATEGIES = 4000, 3


def draw_seen(*, common: int, seed: int) -> tuple[Seen, np.ndarray]:
    """Strategies that hard tasks are hard for, alike; the first tasks were answered by all, the others by one each."""
    generator = np.random.default_rng(seed)
    difficulty = generator.random((TASKS, 1))
    correct = (0.3 * generator.random((TASKS, STRATEGIES)) + 0.7 * difficulty < 0.5).astype(float)
    known = np.eye(STRATEGIES, dtype=bool)[generator.integers(STRATEGIES, size=TASKS)]
    known[:common] = True
    return Seen(np.where(known, correct, np.nan), np.where(known, 7.0, np.nan)), correct


def expect(value: float) -> Expected:
    return Expected(np.full((TASKS, STRATEGIES), value), np.full((TASKS, STRATEGIES), 5.0))


def test_what_was_seen_is_taught_as_it_is_and_counts_more() -> None:
    seen, correct = draw_seen(common=200, seed=0)
    lessons = teach_pool(seen, expect(0.5))
    known = np.isfinite(seen.correct)
    assert np.array_equal(lessons.correct[known], correct[known])
    assert (lessons.output_tokens[known] == 7).all()
    assert (lessons.output_tokens[~known] == 5).all()
    assert (lessons.weight[known] == SEEN_WEIGHT).all()
    assert (lessons.weight[~known] == 1).all()


def test_what_was_not_seen_is_nearer_the_truth_for_what_others_did() -> None:
    seen, correct = draw_seen(common=200, seed=1)
    unseen = np.isnan(seen.correct)
    lessons = teach_pool(seen, expect(0.5)).correct
    assert np.square(lessons - correct)[unseen].mean() < 0.6 * np.square(0.5 - correct)[unseen].mean()
    assert ((lessons >= 0) & (lessons <= 1)).all()


def test_without_tasks_that_all_have_answered_nobody_learns_from_others_luck() -> None:
    seen, _ = draw_seen(common=LEAST_COMMON - 1, seed=2)
    lessons = teach_pool(seen, expect(0.25)).correct
    assert (lessons[np.isnan(seen.correct)] == 0.25).all()
    more, _ = draw_seen(common=LEAST_COMMON, seed=2)
    assert (teach_pool(more, expect(0.25)).correct[np.isnan(more.correct)] != 0.25).any()


def test_independent_strategies_teach_each_other_next_to_nothing() -> None:
    generator = np.random.default_rng(3)
    correct = (generator.random((TASKS, STRATEGIES)) < 0.5).astype(float)
    known = np.eye(STRATEGIES, dtype=bool)[generator.integers(STRATEGIES, size=TASKS)]
    known[:1000] = True
    seen = Seen(np.where(known, correct, np.nan), np.where(known, 1.0, np.nan))
    lessons = teach_pool(seen, expect(0.5)).correct
    assert np.abs(lessons - 0.5)[~known].max() < 0.1
