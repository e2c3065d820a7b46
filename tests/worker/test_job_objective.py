"""Objectives: every number settled at submission, and refusals that name the remedy."""

from decimal import Decimal

import numpy as np
import pytest

from db.predictions import Predictions
from router.errors import InfeasibleTarget
from router.tariff import TOKEN_COUNT, Tariff
from router.units import Amount, BudgetPercent, Unit
from worker.errors import BudgetTooSmall
from worker.objective import (
    Mode,
    Objective,
    Request,
    Totals,
    choose_unit,
    settle_objective,
    sum_totals,
)

NAN = float("nan")


def predict(cost: list[list[float]], worst: list[list[float]] | None = None) -> Predictions:
    costs = np.array(cost, dtype=np.float64)
    accuracy = np.where(np.isnan(costs), np.nan, np.linspace(0.2, 0.8, costs.shape[1])).astype(np.float32)
    return Predictions(
        accuracy=accuracy,
        cost=costs,
        worst_cost=costs * 2 if worst is None else np.array(worst),
        prompt_tokens=np.ones(costs.shape, dtype=np.int32),
    )


def settle(request: Request, predictions: Predictions) -> Objective:
    return settle_objective(
        request,
        unit=Unit.TOKENS,
        predictions=predictions,
        alike=np.ones(len(predictions.cost), dtype=np.int64),
        totals=sum_totals(predictions),
    )


def ask_percent(percent: int) -> Request:
    return Request(stated=f"{percent}%", budget=BudgetPercent(percent=Decimal(percent)))


def ask_tokens(quanta: int) -> Request:
    return Request(stated=f"{quanta} tokens", budget=Amount(unit=Unit.TOKENS, quanta=quanta))


def test_totals_are_of_the_tasks_that_somebody_can_serve() -> None:
    predictions = predict([[1, 5], [2, NAN], [NAN, NAN], [3, 4]], worst=[[9, 6], [7, NAN], [NAN, NAN], [8, 8]])
    # The dearer strategy is helped out by the cheaper one where it can not serve.
    assert sum_totals(predictions) == Totals(cheapest=6, cheapest_worst=21, dearest=11, one_worst=8)


def test_a_job_that_nobody_can_serve_costs_nothing() -> None:
    predictions = predict([[NAN, NAN]])
    assert sum_totals(predictions) == Totals(cheapest=0, cheapest_worst=0, dearest=0)


def test_what_is_enough_for_all_is_exact_past_the_integers_of_a_float() -> None:
    predictions = predict([[1.0], [1.0], [1.0]], worst=[[2.0**53], [1.0], [1.0]])
    assert sum_totals(predictions).cheapest_worst == 2**53 + 2


@pytest.mark.parametrize(("percent", "cap"), [(0, 3), (50, 8), (100, 13)])
def test_a_percentage_lies_between_the_cheapest_and_the_dearest_total(percent: int, cap: int) -> None:
    objective = settle(ask_percent(percent), predict([[1, 6], [2, 7]], worst=[[1, 6], [2, 7]]))
    assert (objective.mode, objective.cap) == (Mode.BUDGET, cap)


@pytest.mark.parametrize(("tasks", "cap"), [(1, 90), (12, 1080), (1000, 2000 + 16 * 90)])
def test_a_percentage_leaves_room_to_reserve_for_the_last_tasks(tasks: int, cap: int) -> None:
    """Predicted at 2 tokens and reserved for at 90, none of a few tasks could be begun with what they cost."""
    assert settle(ask_percent(50), predict([[2, 2]] * tasks, worst=[[90, 90]] * tasks)).cap == cap


@pytest.mark.parametrize("percent", [0, 37, 100])
def test_where_all_strategies_cost_the_same_every_percentage_is_that_amount(percent: int) -> None:
    assert settle(ask_percent(percent), predict([[4, 4], [4, 4]], worst=[[4, 4], [4, 4]])).cap == 8


def test_a_budget_at_the_cheapest_total_is_accepted_and_one_quantum_less_is_not() -> None:
    predictions = predict([[10, 30], [10, 30]])
    assert settle(ask_tokens(20), predictions).cap == 20
    with pytest.raises(BudgetTooSmall, match=r"19 tokens.*smallest feasible budget is 20 tokens; 40 tokens is enough"):
        settle(ask_tokens(19), predictions)


def test_a_weight_is_measured_against_the_dearest_mean_cost() -> None:
    objective = settle(Request(stated="w", w=0.7), predict([[1, 6], [2, 8]]))
    assert (objective.mode, objective.w, objective.reference_cost, objective.cap) == (Mode.WEIGHT, 0.7, 7.0, None)


def test_a_weight_on_free_strategies_has_a_reference_all_the_same() -> None:
    assert settle(Request(stated="w", w=0.7), predict([[0, 0]])).reference_cost == 1.0


def test_a_target_plans_the_least_cost_that_reaches_it() -> None:
    predictions = predict([[1, 6], [2, 8]])  # accuracies 0.2 and 0.8
    assert settle(Request(stated="t", target_accuracy=0.5), predictions).planned_cost == 8  # 6 and 2
    assert settle(Request(stated="t", target_accuracy=0.1), predictions).planned_cost == 3
    with pytest.raises(InfeasibleTarget):
        settle(Request(stated="t", target_accuracy=0.9), predictions)


def test_a_target_for_tasks_that_nobody_can_serve_plans_nothing() -> None:
    assert (
        settle(
            Request(stated="t", target_accuracy=0.5),
            Predictions(
                accuracy=np.empty((0, 2), dtype=np.float32),
                cost=np.empty((0, 2)),
                worst_cost=np.empty((0, 2)),
                prompt_tokens=np.empty((0, 2), dtype=np.int32),
            ),
        ).planned_cost
        == 0
    )


@pytest.mark.parametrize(
    "objective",
    [
        Objective(mode=Mode.BUDGET, unit=Unit.USD, stated="1e20 USD", cap=10**32 + 1),
        Objective(mode=Mode.WEIGHT, unit=Unit.FLOPS, stated="0.3", w=0.3, reference_cost=1.5e13),
        Objective(mode=Mode.TARGET, unit=Unit.FLOPS, stated="0.8", target_accuracy=0.8, planned_cost=2**60 + 1),
    ],
)
def test_an_objective_comes_back_from_json_exactly(objective: Objective) -> None:
    assert Objective.from_json(objective.to_json()) == objective


def test_the_unit_is_the_budgets_or_the_first_that_all_have_a_price_in() -> None:
    tokens = Tariff(version=1, prices={Unit.TOKENS: TOKEN_COUNT}, source="a")
    both = Tariff(version=1, prices={Unit.TOKENS: TOKEN_COUNT, Unit.FLOPS: TOKEN_COUNT}, source="b")
    assert choose_unit(None, [both, both]) is Unit.FLOPS
    assert choose_unit(None, [both, tokens]) is Unit.TOKENS
    assert choose_unit(ask_tokens(5), [both, both]) is Unit.TOKENS
    assert choose_unit(ask_percent(5), [both, both]) is Unit.FLOPS
