"""A cold-start pair says what the placement behind it says, through everything a trained pair goes through."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.artefact import PairMetadata, dump_pair, load_pair
from router.cold_start.common_tasks import find_common_tasks
from router.cold_start.error_vector import learn_clusters
from router.cold_start.item_response import learn_item_response
from router.cold_start.pair import place_pair
from router.cold_start.placement import DoubleArray, FloatArray, Probes
from router.cold_start.pool_past import KnownOutcomes, PlacedPair, PoolPast
from router.errors import PredictorArtefactError, PredictorInputError
from router.figures import Fallback
from router.predictor import PredictorConfig
from router.stack import PredictorStack

DIMENSION = 6


def draw_tasks(rows: int, *, seed: int) -> FloatArray:
    """Three kinds of tasks."""
    generator = np.random.default_rng(seed)
    centres = 2 * np.eye(3, DIMENSION)
    return (centres[generator.integers(3, size=rows)] + 0.3 * generator.normal(size=(rows, DIMENSION))).astype(
        np.float32
    )


def answer(tasks: FloatArray, skill: tuple[float, float, float], *, seed: int) -> DoubleArray:
    """A strategy that is right with these chances on the three kinds."""
    chance = np.array(skill)[tasks[:, :3].argmax(axis=1)]
    return np.asarray((np.random.default_rng(seed).random(len(tasks)) < chance).astype(np.float64))


PAST = draw_tasks(240, seed=1)
SKILLS = [(0.9, 0.1, 0.5), (0.1, 0.9, 0.5), (0.5, 0.5, 0.9), (0.8, 0.8, 0.1)]
KNOWN = KnownOutcomes(
    PAST,
    np.stack([answer(PAST, skill, seed=n) for n, skill in enumerate(SKILLS)], axis=1),
    np.repeat(np.round(10 + 40 * (PAST[:, :1] > 1)), len(SKILLS), axis=1).astype(np.float64),
)
WITH_OUTCOMES, WITHOUT = PoolPast(tasks=PAST, outcomes=KNOWN), PoolPast(tasks=PAST, outcomes=None)
NEW = draw_tasks(400, seed=3)
SKILL = (0.95, 0.3, 0.05)


def place(
    past: PoolPast, *, count: int = 120, seed: int = 0, correct: DoubleArray | None = None, weight: object = None
) -> PlacedPair:
    tasks = draw_tasks(count, seed=seed + 50)
    return place_pair(
        tasks,
        answer(tasks, SKILL, seed=seed) if correct is None else correct,
        np.round(10 + 40 * (tasks[:, 0] > 1)),
        weight=weight,  # type: ignore[arg-type]  # an array or None
        past=past,
        config=PredictorConfig(),
        seed=0,
    )


def served(placed: PlacedPair) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    predictions = PredictorStack([placed.pair]).predict(NEW)
    return predictions.accuracy[:, 0], predictions.output_tokens[:, 0]


@settings(max_examples=6)
@given(
    count=st.integers(30, 200),
    seed=st.integers(0, 10_000),
    known=st.booleans(),
    spread=st.sampled_from([0.0, 0.9]),
)
def test_a_pair_serves_exactly_what_its_placement_says(count: int, seed: int, known: bool, spread: float) -> None:
    tasks = draw_tasks(count, seed=seed)
    correct = answer(tasks, (0.7, 0.5, 0.3), seed=seed)
    weight = np.random.default_rng(seed).uniform(1 - spread, 1 + spread, size=count)
    weight /= weight.mean()
    tokens = np.round(30 + 10 * tasks[:, 1]).clip(0)
    placed = place_pair(
        tasks,
        correct,
        tokens,
        weight=weight,
        past=WITH_OUTCOMES if known else WITHOUT,
        config=PredictorConfig(),
        seed=0,
    )
    if placed.figures.fallback is not Fallback.COLD_START:
        return
    probes = Probes(tasks, correct, weight)
    error_vector = learn_clusters(PAST, probes=count, seed=0)
    expected = error_vector(probes)(NEW)
    if known:
        model = learn_item_response(KNOWN.embeddings, KNOWN.correct, seed=0)
        expected = (expected + model.place(probes)(NEW)) / 2
    accuracy, output_tokens = served(placed)
    assert np.abs(accuracy - expected).max() < 1e-5
    near = error_vector(probes._replace(correct=tokens))(NEW)
    assert output_tokens == pytest.approx(near, rel=1e-5)


def test_what_others_did_helps_where_probes_are_few() -> None:
    truth = np.array(SKILL)[NEW[:, :3].argmax(axis=1)]
    errors = {}
    for name, past in {"outcomes": WITH_OUTCOMES, "tasks": WITHOUT}.items():
        placed = place(past, count=40)
        assert placed.figures.fallback is Fallback.COLD_START
        assert placed.figures.held_out_log_loss < placed.figures.constant_log_loss
        errors[name] = np.square(served(placed)[0] - truth).mean()
    constant = np.square(truth.mean() - truth).mean()
    assert errors["outcomes"] < 0.3 * constant
    assert errors["tasks"] < 0.6 * constant


@pytest.mark.parametrize(("shared", "fallback"), [(59, Fallback.COLD_START), (120, Fallback.IMPUTED)])
def test_a_fold_is_predicted_by_others_outcomes_on_other_tasks_only(shared: int, fallback: Fallback) -> None:
    """The others give the new strategy's very answers, which no task tells: none of it may reach a held-out fold."""
    generator = np.random.default_rng(4)
    tasks = generator.normal(size=(120, 100)).astype(np.float32)  # so long that a line can know them by heart
    correct = generator.integers(0, 2, size=120).astype(np.float64)
    told = KnownOutcomes(tasks[:shared], np.stack([correct[:shared]] * 3, axis=1), np.full((shared, 3), 9.0))
    placed = place_pair(
        tasks,
        correct,
        np.ones(120),
        weight=None,
        past=PoolPast(tasks=tasks, outcomes=told),
        config=PredictorConfig(),
        seed=0,
    )
    assert placed.figures.fallback is fallback
    # Chance gives the line a little; the answers themselves would bring it under a half.
    assert placed.figures.held_out_log_loss > 0.8 * placed.figures.constant_log_loss


def test_where_others_answered_the_probes_it_learns_from_all_their_tasks() -> None:
    """Kinds 1 and 2 look alike to the encoder; a known strategy tells them apart, so half of the luck is known."""
    generator = np.random.default_rng(8)
    easy = generator.random(600) < 0.5
    tasks = draw_tasks(600, seed=9)
    known = np.stack([np.where(easy, 1.0, 0.0), generator.random(600).round(), generator.random(600).round()], axis=1)
    past = PoolPast(
        tasks=tasks, outcomes=KnownOutcomes(tasks, known, np.where(easy, 10.0, 90.0)[:, np.newaxis] + known)
    )
    rows = np.concatenate((np.flatnonzero(easy)[:225], np.flatnonzero(~easy)[:75]))  # a lucky draw
    placed = place_pair(
        tasks[rows],
        easy[rows].astype(np.float64),
        np.where(easy[rows], 20.0, 180.0),
        weight=None,
        past=past,
        config=PredictorConfig(),
        seed=0,
    )
    assert placed.figures.fallback is Fallback.IMPUTED
    accuracy, output_tokens = served(placed)
    assert abs(accuracy.mean() - 0.5) < 0.7 * (0.75 - 0.5)  # three in four of its probes were right
    assert output_tokens.mean() == pytest.approx(100, abs=20)
    assert place_pair(
        tasks[rows], easy[rows].astype(np.float64), np.where(easy[rows], 20.0, 180.0),
        weight=None, past=past, config=PredictorConfig(), seed=0,
    ).figures == placed.figures  # fmt: skip


def test_what_is_special_about_a_strategy_is_taught_too() -> None:
    """The known strategies toss coins, so a regression on them says the same of every task."""
    tasks = draw_tasks(400, seed=11)
    coins = np.random.default_rng(12).random((400, 3)).round()
    own = (tasks[:, :3].argmax(axis=1) == 0).astype(np.float64)
    placed = place_pair(
        tasks[:200],
        own[:200],
        np.full(200, 20.0),
        weight=None,
        past=PoolPast(tasks=tasks, outcomes=KnownOutcomes(tasks, coins, 10 + coins)),
        config=PredictorConfig(),
        seed=0,
    )
    assert placed.figures.fallback is Fallback.IMPUTED
    accuracy, _ = served(placed)
    own_kind = NEW[:, :3].argmax(axis=1) == 0
    assert accuracy[own_kind].mean() - accuracy[~own_kind].mean() > 0.3


def test_probes_that_stand_for_more_tasks_count_more() -> None:
    correct = np.tile([1.0, 0.0], 60)
    heavy = np.tile([1.8, 0.2], 60)
    means = [served(place(WITHOUT, correct=correct, weight=weight))[0].mean() for weight in (None, heavy)]
    assert means[0] == pytest.approx(0.5, abs=0.05)
    assert means[1] > 0.8


@pytest.mark.parametrize(
    ("count", "rights", "fallback"),
    [(29, 15, Fallback.CONSTANT), (60, 3, Fallback.CONSTANT_ACCURACY), (60, 58, Fallback.CONSTANT_ACCURACY)],
)
def test_too_few_or_one_sided_probes_make_a_constant(count: int, rights: int, fallback: Fallback) -> None:
    placed = place(WITH_OUTCOMES, count=count, correct=np.repeat([1.0, 0.0], [rights, count - rights]))
    accuracy, output_tokens = served(placed)
    assert placed.figures.fallback is fallback
    assert accuracy == pytest.approx(np.full(len(NEW), (rights + 1) / (count + 2)), abs=1e-6)
    assert placed.figures.held_out_log_loss == placed.figures.constant_log_loss
    assert bool(np.ptp(output_tokens) > 20) is (fallback is Fallback.CONSTANT_ACCURACY)


def test_bad_rows_are_refused_by_number() -> None:
    correct = np.ones(60)
    correct[7] = np.nan
    with pytest.raises(PredictorInputError, match=r"outcome 7 of 60 has a correctness outside 0\.\.1"):
        place(WITHOUT, count=60, correct=correct)


@pytest.mark.parametrize("past", [WITH_OUTCOMES, WITHOUT])
def test_an_artefact_keeps_a_cold_start_and_refuses_another_encoder(past: PoolPast) -> None:
    placed = place(past)
    metadata = PairMetadata(strategy="new", strategy_hash="ab", encoder="mini@1", seed=0, figures=placed.figures)
    artefact = dump_pair(placed.pair, metadata)
    assert artefact == dump_pair(place(past).pair, metadata)  # the same probes give the same bytes
    loaded = load_pair(artefact, encoder="mini@1")
    assert loaded.metadata.figures.fallback is Fallback.COLD_START
    stack = PredictorStack([loaded.pair])
    assert np.array_equal(stack.predict(NEW).accuracy[:, 0], served(placed)[0])
    with pytest.raises(PredictorArtefactError, match=r"the encoder in use is mini@2: train the strategy again"):
        load_pair(artefact, encoder="mini@2")


def table(sizes: Mapping[str, int]) -> list[dict[str, float]]:
    """Strategies that answered so many of the first tasks."""
    return [{f"t{number}": 1.0 for number in range(size)} for size in sizes.values()]


def test_a_strategy_with_few_outcomes_does_not_spoil_what_others_have_in_common() -> None:
    common = find_common_tasks(table({"a": 480, "narrow": 40, "b": 470, "c": 480}))
    assert common is not None
    assert (len(common.tasks), common.strategies) == (470, [0, 2, 3])


def test_more_strategies_are_taken_in_while_outcomes_grow() -> None:
    common = find_common_tasks(table({"a": 480, "b": 480, "c": 480, "d": 400, "e": 210}))
    assert common is not None
    assert (len(common.tasks), common.strategies) == (400, [0, 1, 2, 3])


@pytest.mark.parametrize("sizes", [{}, {"a": 500, "b": 500}, {"a": 500, "b": 500, "c": 199}])
def test_two_strategies_or_too_few_tasks_are_not_enough(sizes: dict[str, int]) -> None:
    assert find_common_tasks(table(sizes)) is None
