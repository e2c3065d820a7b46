"""Detectors of broken predictions, against streams whose change is known, and the corrections meanwhile."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.drift.bets import FALLS, bet_on_falls, bet_on_rises
from router.drift.correction import (
    COST_RATIOS,
    LARGEST_OFFSET,
    Correction,
    correct_accuracy,
    estimate_correction,
)
from router.drift.detector import Pick
from router.drift.tally import Tally
from router.drift.watch import UNSEEN, Alarm, Broken, Settled, Watch, note_settled
from router.drift.watch_json import read_watch, write_watch

Floats = NDArray[np.float64]

NIGHT = 1000
SHARES = st.floats(0.0, 1.0)


def draw_predictions(rng: np.random.Generator, outcomes: int) -> Floats:
    return rng.beta(7, 3, outcomes)


def settle(rng: np.random.Generator, predicted: Floats, true: Floats, *, times: float = 1.0) -> Iterator[Settled]:
    correct = rng.random(len(true)) < true
    costs = times * rng.lognormal(-0.32, 0.8, len(true))  # 1 in the mean
    for accuracy, right, cost in zip(predicted.tolist(), correct.tolist(), costs.tolist(), strict=True):
        yield Settled(accuracy=accuracy, correct=float(right), cost_ratio=cost)


def follow(watch: Watch, stream: Iterator[Settled]) -> tuple[Watch, list[tuple[int, Alarm]]]:
    alarms = []
    for place, settled in enumerate(stream, start=1):
        watch, alarm = note_settled(watch, settled)
        if alarm is not None:
            alarms.append((place, alarm))
    return watch, alarms


def watch_quietly(rng: np.random.Generator, outcomes: int, *, bias: float = 0.0) -> Watch:
    predicted = draw_predictions(rng, outcomes)
    return follow(UNSEEN, settle(rng, predicted, predicted + bias))[0]


@pytest.mark.parametrize("bias", [-0.05, 0.0, 0.05])
def test_fifty_quiet_nights_raise_no_alarm(bias: float) -> None:
    rng = np.random.default_rng(5)
    raised = 0
    for _ in range(5):  # strategies, each with a fifth of the outcomes
        predicted = draw_predictions(rng, 10 * NIGHT)
        raised += len(follow(UNSEEN, settle(rng, predicted, np.clip(predicted + bias, 0, 1)))[1])
    assert raised == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bias", [-0.04, 0.0])
def test_a_fall_of_a_fifth_is_noticed_within_300_outcomes(seed: int, bias: float) -> None:
    rng = np.random.default_rng(seed)
    watch = watch_quietly(rng, 2000, bias=bias)
    predicted = draw_predictions(rng, 300)
    _, alarms = follow(watch, settle(rng, predicted, np.clip(predicted + bias - 0.2, 0, 1)))
    assert alarms[0][1].broken is Broken.WORSE
    assert alarms[0][1].stretch.excess < -0.1


def test_a_predictor_that_was_never_right_is_noticed_as_well() -> None:
    rng = np.random.default_rng(0)
    predicted = draw_predictions(rng, 300)
    _, alarms = follow(UNSEEN, settle(rng, predicted, np.clip(predicted - 0.3, 0, 1)))
    assert [alarm.broken for _, alarm in alarms] == [Broken.WORSE]


def test_a_strategy_that_becomes_better_or_dearer_is_noticed_as_such() -> None:
    rng = np.random.default_rng(1)
    watch = watch_quietly(rng, 1000)
    predicted = rng.beta(5, 5, 600)
    _, better = follow(watch, settle(rng, predicted, np.clip(predicted + 0.25, 0, 1)))
    _, dearer = follow(watch, settle(rng, draw_predictions(rng, 600), draw_predictions(rng, 600), times=2.5))
    assert {alarm.broken for _, alarm in better} == {Broken.BETTER}
    assert better[0][1].stretch.excess > 0.1
    assert Broken.DEARER in {alarm.broken for _, alarm in dearer}


def test_what_an_alarm_told_is_not_told_again_and_a_further_fall_is() -> None:
    rng = np.random.default_rng(2)
    watch = watch_quietly(rng, 2000)
    predicted = draw_predictions(rng, 3000)
    watch, first = follow(watch, settle(rng, predicted, np.clip(predicted - 0.25, 0, 1)))
    watch, second = follow(watch, settle(rng, predicted[:600], np.clip(predicted[:600] - 0.5, 0, 1)))
    assert [alarm.broken for _, alarm in first] == [Broken.WORSE]
    assert {alarm.broken for _, alarm in second} == {Broken.WORSE}


def test_what_looked_worse_than_it_is_is_not_told_to_be_better() -> None:
    """The outcomes that raise an alarm are the unluckiest: what comes after them is no news."""
    told = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        predicted = draw_predictions(rng, 2500)
        _, alarms = follow(UNSEEN, settle(rng, predicted, np.clip(predicted - 0.15, 0, 1)))
        told += [alarm.broken for _, alarm in alarms]
    assert told.count(Broken.WORSE) >= 30
    assert told.count(Broken.BETTER) <= 1


def test_the_correction_is_at_once_what_the_alarm_found() -> None:
    rng = np.random.default_rng(3)
    watch = watch_quietly(rng, 2000)
    assert abs(watch.correct().offset) < 0.15
    for settled in settle(rng, np.full(400, 0.8), np.full(400, 0.5)):
        watch, alarm = note_settled(watch, settled)
        if alarm is not None:
            break
    corrected = correct_accuracy(np.full((1, 1), 0.8, np.float32), np.array([watch.correct().offset], np.float32))
    assert 0.4 < corrected[0, 0] < 0.62


def test_explored_tasks_are_compared_with_their_own_usual_deviation() -> None:
    """Chosen tasks are overestimated by 5 points; drawn ones are not, and are not taken to be better for that."""
    rng = np.random.default_rng(4)
    predicted = draw_predictions(rng, 20_000)
    drawn = rng.random(len(predicted)) < 0.2
    correct = rng.random(len(predicted)) < np.where(drawn, predicted, predicted - 0.05)
    watch, alarms = UNSEEN, []
    for accuracy, right, explored in zip(predicted.tolist(), correct.tolist(), drawn.tolist(), strict=True):
        pick = Pick.DRAWN if explored else Pick.CHOSEN
        watch, alarm = note_settled(watch, Settled(accuracy=accuracy, correct=right, cost_ratio=None, pick=pick))
        alarms += [alarm] if alarm else []
    chosen, explored = watch.evidence[Broken.WORSE].usual
    assert alarms == []
    assert chosen.excess == pytest.approx(-0.05, abs=0.01)
    assert explored.excess == pytest.approx(0.0, abs=0.02)


@given(st.floats(-1.0, 1.0), SHARES)
@example(5e-324, 0.0)
def test_no_bet_on_falls_gains_in_the_mean_while_the_floor_holds(floor: float, mean: float) -> None:
    right, wrong = bet_on_falls(floor, 1.0), bet_on_falls(floor, 0.0)
    assert len(right) == len(FALLS)
    for win, loss in zip(right, wrong, strict=True):
        assert min(win, loss) > 0
        if mean >= floor:
            assert mean * win + (1 - mean) * loss <= 1 + 1e-9


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.floats(0.1, 10))
def test_no_bet_on_rises_gains_in_the_mean_while_the_ceiling_holds(amounts: list[float], above: float) -> None:
    ceiling = max(float(np.mean(amounts)) * max(above, 1.0), 1e-6)
    for factors in zip(*(bet_on_rises(ceiling, amount) for amount in amounts), strict=True):
        assert min(factors) > 0
        assert np.mean(factors) <= 1 + 1e-9


@given(st.floats(0, 1e5), SHARES, SHARES, st.floats(0, 100))
def test_corrections_are_bounded_and_go_the_way_of_what_was_seen(
    outcomes: float, predicted: float, observed: float, ratio: float
) -> None:
    accuracies = Tally(outcomes, outcomes * predicted, outcomes * observed)
    correction = estimate_correction(accuracies, Tally(outcomes, outcomes, outcomes * ratio))
    assert abs(correction.offset) <= LARGEST_OFFSET
    assert COST_RATIOS[0] <= correction.cost_ratio <= COST_RATIOS[1]
    assert correction.offset * accuracies.excess >= 0
    assert (correction.cost_ratio - 1) * (ratio - 1) >= -1e-9


@settings(max_examples=20)
@given(st.floats(-LARGEST_OFFSET, LARGEST_OFFSET))
def test_a_corrected_accuracy_keeps_the_order_of_tasks_and_what_is_not_eligible(offset: float) -> None:
    accuracy = np.array([[0.1, np.nan], [0.5, 0.5], [0.9, 0.2]], np.float32)
    corrected = correct_accuracy(accuracy, np.array([offset, 0.0], np.float32))
    assert np.array_equal(corrected[:, 1], accuracy[:, 1], equal_nan=True)
    assert np.all(np.diff(corrected[:, 0]) >= 0)


def test_nothing_seen_corrects_nothing_and_small_changes_are_not_worth_it() -> None:
    assert UNSEEN.correct() == Correction()
    assert not Correction().differs(Correction(offset=0.1, cost_ratio=1.03))
    assert Correction().differs(Correction(offset=-0.2))
    assert Correction().differs(Correction(cost_ratio=0.9))


def test_a_watch_is_the_same_after_it_was_stored() -> None:
    watch = watch_quietly(np.random.default_rng(6), 500)
    assert read_watch(json.loads(json.dumps(write_watch(watch)))) == watch
    assert read_watch({**write_watch(watch), "form": 0}) == UNSEEN
