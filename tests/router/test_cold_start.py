"""A new strategy met by its probes, on pools whose structure is known."""

import numpy as np
import pytest

from router.cold_start.cluster_map import learn_cluster_map
from router.cold_start.error_vector import learn_clusters
from router.cold_start.handover import rank_placements
from router.cold_start.item_response import ItemResponse, learn_item_response
from router.cold_start.placement import DoubleArray, FloatArray, Place, Probes, place_constant
from router.cold_start.probes import add_probes, cover_tasks
from router.platt import sigmoid

DIMENSION = 8


def draw_tasks(rows: int, *, seed: int) -> FloatArray:
    """Two kinds of tasks, on either side of the first axis, of a difficulty along the second."""
    generator = np.random.default_rng(seed)
    tasks = generator.normal(scale=0.2, size=(rows, DIMENSION))
    tasks[:, 0] += np.where(generator.random(rows) < 0.5, 1.0, -1.0)
    return tasks.astype(np.float32)


def chance(tasks: FloatArray, *, left: float, right: float) -> DoubleArray:
    """A strategy good on one side; harder tasks are harder for everyone."""
    return np.asarray(sigmoid(np.where(tasks[:, 0] > 0, right, left) + 4.0 * tasks[:, 1].astype(np.float64)))


def answer(expected: DoubleArray, *, seed: int) -> DoubleArray:
    return np.asarray((np.random.default_rng(seed).random(expected.shape) < expected).astype(np.float64))


PAST, NEW = draw_tasks(600, seed=1), draw_tasks(500, seed=2)
SIDES = [(2.0, -2.0), (-2.0, 2.0), (1.0, 1.0), (-1.0, -1.0), (2.0, 0.0), (0.0, 2.0)]
KNOWN = np.stack(
    [answer(chance(PAST, left=left, right=right), seed=n) for n, (left, right) in enumerate(SIDES)], axis=1
)


def ask(count: int, *, left: float, right: float) -> Probes:
    chosen = cover_tasks(PAST, count=count, seed=0)
    tasks = PAST[chosen.rows]
    return Probes(tasks, answer(chance(tasks, left=left, right=right), seed=9), chosen.weight)


def places() -> dict[str, Place]:
    return {
        "constant": place_constant,
        "error vector": learn_clusters(PAST, probes=100, seed=0),
        "cluster map": learn_cluster_map(PAST, KNOWN, seed=0),
        "item response": learn_item_response(PAST, KNOWN, seed=0).place,
    }


@pytest.mark.parametrize("name", ["error vector", "cluster map", "item response"])
def test_a_new_strategy_is_told_apart_by_kind_of_task(name: str) -> None:
    truth = chance(NEW, left=-1.5, right=1.5)
    probes = ask(100, left=-1.5, right=1.5)
    error = np.square(places()[name](probes)(NEW) - truth).mean()
    assert error < 0.6 * np.square(place_constant(probes)(NEW) - truth).mean()


def test_an_item_response_model_knows_what_is_hard_for_everyone() -> None:
    model = learn_item_response(PAST, KNOWN, seed=0)
    predicted = model.place(ask(30, left=0.0, right=0.0))(NEW)
    assert np.corrcoef(predicted, chance(NEW, left=0.0, right=0.0))[0, 1] > 0.7


def test_a_strategy_without_probes_is_an_average_one_to_the_item_response_model() -> None:
    model = learn_item_response(PAST, KNOWN, seed=0)
    nothing = Probes(PAST[:0], np.zeros(0), np.zeros(0))
    assert model.estimate(nothing) == pytest.approx(model.mean)
    assert place_constant(nothing)(NEW) == pytest.approx(np.full(len(NEW), 0.5))


@pytest.mark.parametrize("sharpness", [3.0, 40.0])
def test_an_ability_is_the_most_likely_one_however_much_the_tasks_decide(sharpness: float) -> None:
    generator = np.random.default_rng(1)
    model = ItemResponse(
        slope=sharpness * generator.normal(size=(DIMENSION, 5)),
        level=np.zeros(5),
        center=np.zeros(DIMENSION, dtype=np.float32),
        abilities=generator.normal(size=(6, 4)),
    )
    tasks = generator.normal(size=(80, DIMENSION)).astype(np.float32)
    items = model.describe(tasks)
    correct = answer(sigmoid(items[:, :-1] @ generator.normal(size=4) + items[:, -1]), seed=3)
    ability = model.estimate(Probes(tasks, correct, np.ones(80)))
    expected = sigmoid(items[:, :-1] @ ability + items[:, -1])
    slope = items[:, :-1].T @ (correct - expected) - (ability - model.mean) / model.variance
    assert np.abs(slope).max() < 1e-4 * sharpness


def test_probes_cover_the_clusters_and_count_as_the_root_of_what_they_stand_for() -> None:
    chosen = cover_tasks(PAST, count=40, seed=0)
    assert len(set(chosen.rows.tolist())) == len(chosen.rows) == 40
    assert chosen.weight.mean() == pytest.approx(1)
    distance = np.square(PAST[:, np.newaxis] - PAST[chosen.rows]).sum(axis=2)  # (tasks, probes)
    size = np.bincount(distance.argmin(axis=1), minlength=40)
    assert chosen.weight == pytest.approx(np.sqrt(size) / np.sqrt(size).mean())
    repeated = cover_tasks(np.repeat(PAST[:3], 5, axis=0), count=10, seed=0)
    assert len(repeated.rows) == 3
    assert repeated.weight == pytest.approx(np.ones(3))


def test_probes_that_crowd_one_place_count_less_there() -> None:
    cover = cover_tasks(PAST, count=20, seed=0)
    rest = np.setdiff1d(np.arange(len(PAST)), cover.rows)
    crowded = rest[np.argsort(PAST[rest, 1])[-60:]]  # the hardest tasks
    lonely = rest[np.argsort(PAST[rest, 1])[-1:]]
    weight = add_probes(PAST, cover, crowded).weight
    assert 0 < weight.min() <= weight.mean() < 0.5
    assert add_probes(PAST, cover, lonely).weight[0] > weight[crowded == lonely[0]][0]


def test_tasks_enough_give_as_many_probes_as_asked_for_from_all_of_a_long_file() -> None:
    crowd = np.repeat(PAST[:50], 100, axis=0)  # many alike, which leave clusters empty, stand first
    chosen = cover_tasks(np.concatenate((crowd, PAST[50:])), count=60, seed=0)
    assert len({*chosen.rows.tolist()}) == 60
    assert (chosen.rows >= len(crowd)).any()
    assert chosen.weight.min() > 0
    assert chosen.weight.mean() == pytest.approx(1)


def test_informative_probes_are_distinct_and_beat_repeating_one_kind() -> None:
    model = learn_item_response(PAST, KNOWN, seed=0)
    nothing = Probes(PAST[:0], np.zeros(0), np.zeros(0))
    chosen = model.choose_informative(PAST, nothing, count=20)
    assert len(set(chosen.tolist())) == 20
    assert 0 < (PAST[chosen, 0] > 0).sum() < 20
    assert len(model.choose_informative(PAST[:5], nothing, count=20)) == 5


def test_the_way_that_fits_the_probes_is_ranked_first() -> None:
    losses = rank_placements(places(), ask(200, left=-2.0, right=2.0), seed=0)
    assert list(losses)[-1] == "constant"
    assert list(losses.values()) == sorted(losses.values())


def test_the_seed_decides_everything() -> None:
    probes = ask(60, left=1.0, right=-1.0)
    first, second = ([place(probes)(NEW) for name, place in places().items() if name != "constant"] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
