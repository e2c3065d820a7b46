"""The choice for a window: money expected to be left, margins, fallbacks, and what is given up when."""

import dataclasses

import numpy as np
import pytest

from db.predictions import Predictions
from router.allocation import DEFERRED
from router.units import Unit
from tests.worker.fake_night import budget, predict_flat
from worker.objective import Mode, Objective
from worker.window_choice import Money, choose_guaranteed, choose_jointly, choose_weighted, find_affordable

# Worst cases are 10 and 40, as in the fake night's pool.
FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def make_money(cap: int | None, *, spent: int = 0, reserved: int = 0, routed: int = 0, in_flight: int = 0) -> Money:
    spending = {
        "settled": spent,
        "burned": 0,
        "reserved": reserved,
        "kept": 0,
        "routed": routed,
        "in_flight": in_flight,
    }
    return Money(tasks=10, cap=cap, **spending)


def choose_budget(predictions: Predictions, money: Money, *, window_tasks: int = 4) -> list[int]:
    assert money.cap is not None
    chosen = choose_jointly(predictions, window_tasks=window_tasks, objective=budget(money.cap), money=money)
    return [int(column) for column in chosen.choice]


def test_the_backlog_shares_the_budget_with_the_window() -> None:
    # 10 tasks, 100 beyond the cheapest 50 and a margin of 5: 6 large ones, spread over window and backlog by worth.
    predictions = predict_flat(10, **FLAT)
    predictions.accuracy[:4, 1] = 0.3  # little to gain in the window
    assert choose_budget(predictions, make_money(145)) == [0, 0, 0, 0]
    predictions.accuracy[:4, 1] = 1.0
    assert choose_budget(predictions, make_money(145)) == [1, 1, 1, 1]


def test_only_the_window_is_chosen_for() -> None:
    assert len(choose_budget(predict_flat(10, **FLAT), make_money(1000), window_tasks=3)) == 3


def test_a_margin_lets_the_last_task_reserve_its_worst_case() -> None:
    # One task, 20 as predicted, but its cheapest may need 5 more than predicted: 24 is not enough for the large one.
    one = predict_flat(1, **FLAT)
    assert choose_budget(one, make_money(24), window_tasks=1) == [0]
    assert choose_budget(one, make_money(25), window_tasks=1) == [1]


def test_a_budget_below_the_predictions_is_left_to_admission() -> None:
    chosen = choose_jointly(predict_flat(4, **FLAT), window_tasks=4, objective=budget(19), money=make_money(19))
    assert chosen.choice.tolist() == [0, 0, 0, 0]
    assert chosen.certificate is None
    assert chosen.allowance == 14


def test_what_cost_more_than_predicted_makes_the_rest_count_for_more() -> None:
    money = make_money(1_000, spent=400, routed=200)
    assert money.ratio == pytest.approx(500 / 300)
    assert make_money(1_000).ratio == 1.0
    assert make_money(1_000, spent=10**6, routed=1).ratio == 4.0
    assert make_money(1_000, spent=1, routed=10**6).ratio == 0.25
    assert make_money(0).ratio == 1.0


def test_in_a_large_job_the_ratio_is_believed_after_some_hundred_tasks() -> None:
    # 200 of 100,000 tasks are worth 2,000 of the cap: settled for twice that and no more, they count half.
    money = dataclasses.replace(make_money(1_000_000, spent=4_000, routed=2_000), tasks=100_000)
    assert money.ratio == pytest.approx(1.5)


def test_money_in_flight_is_not_spent_twice() -> None:
    predictions = predict_flat(4, **FLAT)
    assert choose_budget(predictions, make_money(85)) == [1, 1, 1, 1]
    assert choose_budget(predictions, make_money(165, routed=80, in_flight=80)) == [1, 1, 1, 1]
    assert choose_budget(predictions, make_money(105, routed=80, in_flight=80)) == [0, 0, 0, 0]


def test_a_weight_needs_no_money() -> None:
    weight = Objective(mode=Mode.WEIGHT, unit=Unit.TOKENS, stated="w", w=0.9, reference_cost=20.0)
    cheap = Objective(mode=Mode.WEIGHT, unit=Unit.TOKENS, stated="w", w=0.1, reference_cost=20.0)
    predictions = predict_flat(2, **FLAT)
    for objective, expected in ((weight, [1, 1]), (cheap, [0, 0])):
        chosen = choose_weighted(predictions, objective=objective)
        assert (chosen.choice.tolist(), chosen.allowance) == (expected, None)


def test_a_target_is_planned_without_a_margin() -> None:
    # Two of four tasks on the large strategy reach 0.55 for 50; a margin of 5 would leave only one.
    target = Objective(mode=Mode.TARGET, unit=Unit.TOKENS, stated="t", target_accuracy=0.55, planned_cost=50)
    predictions = predict_flat(4, **FLAT)
    whole = choose_jointly(predictions, window_tasks=4, objective=target, money=make_money(None))
    assert sorted(whole.choice.tolist()) == [0, 0, 1, 1]
    rest = predict_flat(2, **FLAT)
    last = choose_jointly(rest, window_tasks=2, objective=target, money=make_money(None, routed=25))
    assert sorted(last.choice.tolist()) == [0, 1]


def test_denied_tasks_are_chosen_by_their_worst_cases_and_leave_others_theirs() -> None:
    predictions = predict_flat(3, **FLAT)
    assert choose_guaranteed(predictions, kept_for_others=0, money=make_money(60)).choice.tolist().count(1) == 1
    kept = choose_guaranteed(predictions, kept_for_others=30, money=make_money(60))
    assert (kept.choice.tolist(), kept.allowance) == ([0, 0, 0], 30)


def test_what_fits_no_more_is_given_up_only_when_nothing_is_reserved() -> None:
    predictions = predict_flat(3, **FLAT)
    idle = choose_guaranteed(predictions, kept_for_others=0, money=make_money(20))
    assert sorted(idle.choice.tolist()) == [DEFERRED, 0, 0]
    busy = choose_guaranteed(predictions, kept_for_others=0, money=make_money(40, reserved=20))
    assert busy.choice.tolist() == [0, 0, 0]


def test_nothing_left_serves_nobody_and_breaks_nothing() -> None:
    none = choose_guaranteed(predict_flat(2, **FLAT), kept_for_others=50, money=make_money(40))
    assert (none.choice.tolist(), none.allowance) == ([DEFERRED, DEFERRED], 0)


def test_cells_are_afforded_cheapest_first_or_all_while_money_may_come_back() -> None:
    worst = np.array([[10.0, 40.0], [10.0, np.nan], [10.0, 40.0]])
    wanted = np.array([[True, True], [True, False], [False, True]])
    few = find_affordable(worst, wanted, money=make_money(65))
    assert few.tolist() == [[True, True], [True, False], [False, False]]
    assert find_affordable(worst, wanted, money=make_money(65, reserved=1)).tolist() == wanted.tolist()
    assert find_affordable(worst, wanted, money=make_money(None)).tolist() == wanted.tolist()
