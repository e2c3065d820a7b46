"""Every baseline on a pool whose right answer is known."""

import numpy as np
import pytest
import torch

from router.baselines.category_means import fit_category_means
from router.baselines.concur import Representation, fit_concur
from router.baselines.constant import fit_constant
from router.baselines.nearest_neighbours import choose_neighbours, find_nearest
from router.baselines.outcomes import Estimates, Outcomes, Tasks, join
from router.baselines.registry import METHODS
from router.baselines.ridge_costs import RidgeCosts
from router.baselines.strong_weak import fit_strong_weak

DIMENSION = 12
ON_LEFT, ON_RIGHT = np.array([0.9, 0.1, 0.3]), np.array([0.1, 0.9, 0.3])  # of the three strategies, by side
MEAN_COST = np.array([1.0, 2.0, 5.0])


def draw_outcomes(rows: int, *, seed: int) -> Outcomes:
    """Two kinds of tasks, on either side of the first axis; costs double on the right."""
    generator = np.random.default_rng(seed)
    embeddings = generator.normal(scale=0.3, size=(rows, DIMENSION))
    right = generator.random(rows) < 0.5
    embeddings[:, 0] = np.where(right, 1.0, -1.0) + 0.1 * embeddings[:, 0]
    chance = np.where(right[:, np.newaxis], ON_RIGHT, ON_LEFT)
    return Outcomes(
        embeddings.astype(np.float32),
        np.zeros((rows, 2), dtype=np.float32),
        np.where(right, "right", "left"),
        (generator.random(chance.shape) < chance).astype(np.float64),
        MEAN_COST * np.where(right, 2.0, 1.0)[:, np.newaxis] * np.exp(generator.normal(scale=0.1, size=chance.shape)),
    )


TRAIN, VALIDATION, TEST = (draw_outcomes(rows, seed=seed) for rows, seed in ((400, 1), (80, 2), (200, 3)))
TASKS = Tasks(TEST.embeddings, TEST.features, TEST.categories, Estimates(TEST.correct, TEST.cost))
RIGHT = TEST.categories == "right"


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("constant", "oracle", "RouteLLM")])
def test_a_method_finds_the_two_kinds_and_their_costs(name: str) -> None:
    torch.set_num_threads(1)
    estimates = METHODS[name].fit(TRAIN, VALIDATION, 0)(TASKS)
    assert estimates.accuracy.shape == estimates.cost.shape == TEST.correct.shape
    assert ((estimates.accuracy >= 0) & (estimates.accuracy <= 1) & (estimates.cost >= 0)).all()
    assert estimates.accuracy[RIGHT].mean(axis=0) == pytest.approx(ON_RIGHT, abs=0.15)
    assert estimates.accuracy[~RIGHT].mean(axis=0) == pytest.approx(ON_LEFT, abs=0.15)
    assert estimates.cost[RIGHT].mean(axis=0) == pytest.approx(2 * MEAN_COST, rel=0.15)
    assert estimates.cost[~RIGHT].mean(axis=0) == pytest.approx(MEAN_COST, rel=0.15)


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_everything(name: str) -> None:
    few = TRAIN.take(np.arange(90))
    first, second = (METHODS[name].fit(few, VALIDATION, 7)(TASKS) for _ in range(2))
    assert np.array_equal(first.accuracy, second.accuracy, equal_nan=True)
    assert np.array_equal(first.cost, second.cost)


def test_the_constant_is_the_mean_of_all_outcomes() -> None:
    seen = join(TRAIN, VALIDATION)
    estimates = fit_constant(TRAIN, VALIDATION, 0)(TASKS)
    assert (estimates.accuracy == seen.correct.mean(axis=0)).all()
    assert (estimates.cost == seen.cost.mean(axis=0)).all()


def test_the_oracle_knows() -> None:
    estimates = METHODS["oracle"].fit(TRAIN, VALIDATION, 0)(TASKS)
    assert np.array_equal(estimates.accuracy, TEST.correct)
    assert not METHODS["oracle"].deployable


def test_an_unknown_category_gets_the_overall_mean() -> None:
    tasks = Tasks(TEST.embeddings[:2], TEST.features[:2], np.array(["aaa", "zzz"]))
    estimates = fit_category_means(TRAIN, VALIDATION, 0)(tasks)
    assert estimates.accuracy == pytest.approx(np.tile(join(TRAIN, VALIDATION).correct.mean(axis=0), (2, 1)))


def make_dearest_best(outcomes: Outcomes) -> Outcomes:
    """The third strategy is right wherever the first is, and on the right in most cases more."""
    cheap, other, _ = outcomes.correct.T
    return outcomes._replace(correct=np.column_stack((cheap, outcomes.correct[:, 2], np.maximum(cheap, other))))


def test_strong_and_weak_leave_the_rest_out_and_tell_the_kinds_apart() -> None:
    estimates = fit_strong_weak(make_dearest_best(TRAIN), make_dearest_best(VALIDATION), 0)(TASKS)
    assert np.isnan(estimates.accuracy[:, 1]).all()
    gain = estimates.accuracy[:, 2] - estimates.accuracy[:, 0]
    assert gain[RIGHT].min() > gain[~RIGHT].max()


def test_the_nearest_tasks_are_found_nearest_first() -> None:
    seen = np.array([[0.0], [10.0], [4.0], [1.0]], dtype=np.float32)
    assert find_nearest(np.array([[0.4], [9.0]], dtype=np.float32), seen, 3).tolist() == [[0, 3, 2], [1, 2, 3]]
    assert find_nearest(seen[:1], seen, 99).shape == (1, 4)


def test_many_neighbours_are_chosen_where_the_embedding_says_little() -> None:
    noise = TRAIN._replace(embeddings=np.random.default_rng(5).normal(size=(400, DIMENSION)).astype(np.float32))
    assert choose_neighbours(noise, VALIDATION) > 40
    side, held_out = (o._replace(correct=(o.cost > 3).astype(np.float64)) for o in (TRAIN, VALIDATION))
    assert choose_neighbours(side, held_out) <= 40


def test_ridge_costs_have_the_right_total_and_bear_a_free_strategy() -> None:
    free = TRAIN._replace(cost=TRAIN.cost * np.array([0.0, 1.0, 1.0]))
    predicted = RidgeCosts(free).predict(free.embeddings)
    assert predicted.sum(axis=0) == pytest.approx(free.cost.sum(axis=0))
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("representation", Representation)
def test_concur_learns_from_either_representation(representation: Representation) -> None:
    few = TRAIN.take(np.arange(150))
    estimates = fit_concur(few, VALIDATION, 0, representation=representation)(TASKS)
    assert estimates.accuracy[RIGHT].mean(axis=0) == pytest.approx(ON_RIGHT, abs=0.2)


def test_concur_trains_each_strategy_by_itself() -> None:
    few = TRAIN.take(np.arange(96))
    other = few._replace(correct=np.column_stack((few.correct[:, :2], 1 - few.correct[:, 2])))
    first, second = (fit_concur(outcomes, VALIDATION, 0)(TASKS) for outcomes in (few, other))
    assert np.allclose(first.accuracy[:, :2], second.accuracy[:, :2], atol=1e-6)
    assert not np.allclose(first.accuracy[:, 2], second.accuracy[:, 2], atol=0.05)
