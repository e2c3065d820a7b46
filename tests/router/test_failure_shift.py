"""Shifts of log-odds after failures: drawn from priors to what the tasks show."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.failure_shift import PRIOR_OTHER, PRIOR_OWN, Evidence, FailedTasks, FailureShifts, learn_shifts
from router.second_chance import Failure

NOTHING: Evidence = {}
CHECK = Failure.CHECK_FAILED
SEEDS = st.integers(0, 2**32 - 1)


def draw(seed: int, *, tasks: int, shift: float, strategies: int = 3) -> FailedTasks:
    """Tasks on which everybody is right with the odds that were predicted, times e to the shift."""
    chance = np.random.default_rng(seed)
    logit = chance.normal(0, 1.5, (tasks, strategies))
    right = chance.random((tasks, strategies)) < 1 / (1 + np.exp(-logit - shift))
    return FailedTasks(1 / (1 + np.exp(-logit)), right.astype(np.float64))


def test_where_nothing_was_learnt_the_prior_is_believed() -> None:
    shifts = learn_shifts(NOTHING, strategies=2)
    for failure in Failure:
        assert shifts.of[failure] == pytest.approx(
            np.array([[PRIOR_OWN, PRIOR_OTHER[failure]], [PRIOR_OTHER[failure], PRIOR_OWN]])
        )


@pytest.mark.parametrize("shift", [-2.0, 0.0, 0.7])
def test_what_many_tasks_show_is_found(shift: float) -> None:
    shifts = learn_shifts({(CHECK, 0): draw(1, tasks=8_000, shift=shift)}, strategies=3)
    assert shifts.of[CHECK][0] == pytest.approx(np.full(3, shift), abs=0.12)


def test_a_pair_that_nobody_has_seen_is_believed_to_be_like_the_others() -> None:
    shifts = learn_shifts({(CHECK, 0): draw(1, tasks=8_000, shift=-2.0)}, strategies=3)
    assert shifts.of[CHECK][1, [0, 2]] == pytest.approx(np.full(2, -2.0), abs=0.12)
    assert shifts.of[CHECK][1, 1] == pytest.approx(-2.0, abs=0.12)
    assert shifts.of[Failure.NO_ANSWER][1, 0] == pytest.approx(PRIOR_OTHER[Failure.NO_ANSWER])


@given(seed=SEEDS, tasks=st.integers(1, 30))
def test_conditioned_predictions_are_drawn_to_what_was_seen(seed: int, tasks: int) -> None:
    """The most probable shift: what is left over between answers and predictions is what its priors hold back."""
    own = draw(seed, tasks=tasks, shift=-1.0, strategies=2)
    shifts = learn_shifts({(CHECK, 0): own}, strategies=2)
    conditioned = shifts.condition(own.predicted, failures=[CHECK] * tasks, failed=[0] * tasks)
    pooled = shifts.of[CHECK][1, 0]  # nobody saw this pair
    left_over = (own.correct - conditioned)[:, 1].sum()
    assert left_over == pytest.approx((shifts.of[CHECK][0, 1] - pooled) / 0.5**2, abs=1e-4)


@given(seed=SEEDS, tasks=st.integers(1, 30), place=st.integers(0, 29))
def test_another_right_answer_never_lowers_a_shift(seed: int, tasks: int, place: int) -> None:
    own = draw(seed, tasks=tasks, shift=0.0, strategies=2)
    better = own.correct.copy()
    better[place % tasks, 1] = 1.0
    before, after = (
        learn_shifts({(CHECK, 0): FailedTasks(own.predicted, correct)}, strategies=2).of[CHECK][0, 1]
        for correct in (own.correct, better)
    )
    assert after >= before - 1e-9


@given(seed=SEEDS, tasks=st.integers(1, 20))
def test_what_is_not_known_teaches_nothing(seed: int, tasks: int) -> None:
    own = draw(seed, tasks=tasks, shift=0.0)
    unknown = np.full((1, 3), np.nan)
    more = FailedTasks(np.vstack([own.predicted, unknown]), np.vstack([own.correct, np.zeros((1, 3))]))
    learnt, again = (learn_shifts({(CHECK, 1): tasks}, strategies=3).of[CHECK] for tasks in (own, more))
    assert learnt == pytest.approx(again)


def shifts_of(value: float) -> FailureShifts:
    return FailureShifts(of={failure: np.full((2, 2), value) for failure in Failure})


@given(
    accuracy=st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=1, max_size=5),
    shift=st.floats(-3, 3),
)
def test_conditioning_keeps_the_order_of_tasks_and_follows_the_shift(
    accuracy: list[tuple[float, float]], shift: float
) -> None:
    before: NDArray[np.float64] = np.array(accuracy)
    rows = len(accuracy)
    after = shifts_of(shift).condition(before, failures=[CHECK] * rows, failed=[1] * rows)
    assert np.all((after > 0) & (after < 1))
    assert np.all(np.diff(after[np.argsort(before[:, 0], kind="stable"), 0]) >= 0)
    unshifted = shifts_of(0.0).condition(before, failures=[CHECK] * rows, failed=[1] * rows)
    assert np.all((after >= unshifted) if shift >= 0 else (after <= unshifted))


def test_a_strategy_that_can_not_serve_a_task_still_can_not() -> None:
    after = shifts_of(-1.0).condition(np.array([[np.nan, 0.5]]), failures=[CHECK], failed=[1])
    assert np.isnan(after[0, 0])
    assert not np.isnan(after[0, 1])


def test_shifts_are_kept_as_json() -> None:
    shifts = learn_shifts({(CHECK, 0): draw(1, tasks=50, shift=-1.0)}, strategies=3)
    again = FailureShifts.from_json(json.loads(json.dumps(shifts.to_json())))
    for failure in Failure:
        assert again.of[failure] == pytest.approx(shifts.of[failure], abs=1e-4)
