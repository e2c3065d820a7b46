"""Several constraints worked out by hand, and what is said of input and limits that can not be."""

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike

from router import ConstrainedAllocation, Constraints, Resource, Tenants, allocate
from router.errors import InfeasibleBudget, InfeasibleConstraints, InvalidAllocationInput

NAN, INF = math.nan, math.inf

CAPACITIES = ["the capacity of strategy 0", "the capacity of strategy 1"]
USES = {"one": [1, 0], "two": [0, 1]}
ACCURACY = [[0.2, 0.9], [0.3, 0.8], [0.1, 0.7]]
COST = [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]


def solve(constraints: Constraints, budget: float = 100.0, weight: ArrayLike | None = None) -> ConstrainedAllocation:
    """The three tasks above."""
    return allocate(ACCURACY, COST, budget, constraints=constraints, weight=weight)


def test_without_constraints_it_is_the_allocation_of_the_budget() -> None:
    plain, allocation = allocate(ACCURACY, COST, 5), solve(Constraints(), 5)
    assert allocation.choice.tolist() == plain.choice.tolist() == [1, 0, 1]
    assert (allocation.accuracy, allocation.cost, allocation.proven) == (plain.accuracy, plain.cost, True)
    assert allocation.shadow_price == plain.shadow_price
    assert (allocation.capacity_price.tolist(), allocation.resource_price, len(allocation.tenant_price)) == (
        [0, 0],
        (),
        0,
    )


def test_a_full_strategy_serves_those_it_helps_most() -> None:
    allocation = solve(Constraints(capacity=[INF, 2]))
    assert allocation.choice.tolist() == [1, 0, 1]
    assert allocation.proven
    assert allocation.upper_bound == allocation.accuracy == pytest.approx(1.9)
    assert allocation.capacity_price[0] == 0
    assert 0.5 - 1e-9 <= allocation.capacity_price[1] <= 0.6 + 1e-9
    assert solve(Constraints(capacity=[INF, 2.9])).choice.tolist() == [1, 0, 1]
    assert solve(Constraints(capacity=[INF, 1]), weight=[1, 1, 2]).choice.tolist() == [0, 0, 1]


def test_a_resource_is_limited_for_each_strategy_or_for_all_together() -> None:
    use = [[0.0, 3.0], [0.0, 1.0], [0.0, 1.0]]
    each = solve(Constraints(resources=(Resource(name="GPU-seconds", use=use, limit=[0, 2.5]),)))
    together = solve(Constraints(resources=(Resource(name="GPU-seconds", use=use, limit=2.5),)))
    assert each.choice.tolist() == together.choice.tolist() == [0, 1, 1]
    assert (each.resource_price[0].shape, together.resource_price[0].shape) == ((2,), ())
    assert solve(Constraints(resources=(Resource(name="seats", use=[0, 1], limit=1),))).choice.tolist() == [1, 0, 0]


def test_each_tenant_has_a_budget_inside_the_total() -> None:
    tenants = Tenants(tenant=[0, 1, 1], budget=[1.0, 4.0])
    assert solve(Constraints(tenants=tenants)).choice.tolist() == [0, 1, 1]
    allocation = solve(Constraints(tenants=tenants), 4.0)
    assert allocation.choice.tolist() == [0, 0, 1]
    assert allocation.cost == 4.0
    assert solve(Constraints(tenants=Tenants(tenant=[0, 1, 1], budget=[INF, 3.0]))).choice.tolist() == [1, 0, 1]


def test_a_minimum_accuracy_forbids_what_is_below() -> None:
    assert solve(Constraints(minimum_accuracy=[0.0, 0.5, 0.0]), 4.0).choice.tolist() == [0, 1, 0]
    with pytest.raises(InfeasibleBudget, match=r"costs 6\.0 in total"):
        solve(Constraints(minimum_accuracy=0.4), 5.0)


def test_a_sum_that_rounds_past_a_limit_is_not_taken() -> None:
    tenants = Tenants(tenant=[0, 0], budget=[0.3])  # 0.1 + 0.2 > 0.3
    allocation = allocate([[0.0, 1.0]] * 2, [[0.0, 0.1], [0.0, 0.2]], 9, constraints=Constraints(tenants=tenants))
    assert allocation.accuracy == 1.0
    assert allocation.upper_bound == pytest.approx(2.0)


def test_cells_without_a_use_are_not_allowed() -> None:
    use = [[0.0, NAN], [0.0, 1.0], [0.0, INF]]
    assert solve(Constraints(resources=(Resource(name="tokens", use=use, limit=5),))).choice.tolist() == [0, 1, 0]


def test_no_tasks_keep_every_limit() -> None:
    constraints = Constraints(capacity=[1, 1, 1], tenants=Tenants(tenant=np.zeros(0, int), budget=[1.0]))
    assert allocate(np.zeros((0, 3)), np.zeros((0, 3)), 0, constraints=constraints).proven


@pytest.mark.parametrize(
    ("constraints", "says", "names"),
    [
        (Constraints(minimum_accuracy=[0, 0.85, 0]), "task 1 .* 0.85 but .* reach 0.8", ["the minimum accuracy"]),
        (Constraints(capacity=[0, 0]), "task 0 has no strategy left: .* capacity", None),
        (Constraints(capacity=[1, 1]), "together: .* by (50.000|49.99)", CAPACITIES),
        (Constraints(capacity=[1.9, 1.9]), "together", CAPACITIES),
        (
            Constraints(resources=(Resource(name="GPU-seconds", use=[2.0, 2.5], limit=5.0),)),
            r"GPU-seconds is limited to 5.0 but every allocation uses at least (6.0|5.99)",
            ["GPU-seconds"],
        ),
        (
            Constraints(tenants=Tenants(tenant=[0, 1, 1], budget=[9, 1.5])),
            "the budget of tenant 1 is limited to 1.5 .* at least (2.0|1.99)",
            ["the budget of tenant 1"],
        ),
        (
            Constraints(resources=tuple(Resource(name=one, use=use, limit=1) for one, use in USES.items())),
            "together: .*(one|two), (one|two)",
            ["one", "two"],
        ),
    ],
)  # fmt: skip
def test_limits_that_nothing_keeps_are_named(constraints: Constraints, says: str, names: list[str] | None) -> None:
    with pytest.raises(InfeasibleConstraints, match=says) as caught:
        solve(constraints)
    assert caught.value.proven
    if names is not None:
        assert sorted(caught.value.constraints) == names


def test_whole_choices_that_do_not_exist_are_told_from_shares_that_do() -> None:
    use = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])  # exactly half of three tasks would be left to each strategy
    halves = (Resource(name="one", use=use, limit=3.0), Resource(name="two", use=use[:, ::-1], limit=3.0))
    with pytest.raises(InfeasibleConstraints, match="every choice was tried") as caught:
        solve(Constraints(resources=halves))
    assert caught.value.proven
    rng = np.random.default_rng(0)
    many = rng.integers(1, 10**9, (400, 2)).astype(float) * [1, 0]
    half = float(many.sum() / 2)
    both = (Resource(name="one", use=many, limit=half), Resource(name="two", use=many[:, ::-1], limit=half + 0.4))
    with pytest.raises(InfeasibleConstraints, match="not proven") as caught:
        allocate(np.full((400, 2), 0.5), np.ones((400, 2)), 1e9, constraints=Constraints(resources=both))
    assert not caught.value.proven


@pytest.mark.parametrize(
    ("constraints", "says"),
    [
        (Constraints(capacity=[1]), r"capacity has the shape \(1,\): give \(2,\)"),
        (Constraints(capacity=[1, -1]), "capacity is -1.0 at 1"),
        (Constraints(capacity=[NAN, 1]), "capacity is nan at 0"),
        (Constraints(resources=(Resource(name="x", use=[[1.0]], limit=1),)), r"x: use has the shape \(1, 1\)"),
        (Constraints(resources=(Resource(name="x", use=["a", "b"], limit=1),)), "x: use has .* type"),
        (Constraints(resources=(Resource(name="x", use=[1, -2], limit=1),)), r"x: use is -2 at \(1,\)"),
        (
            Constraints(resources=(Resource(name="x", use=[1, 2], limit=[1, 2, 3]),)),
            r"x: the limit has the shape \(3,\)",
        ),
        (Constraints(resources=(Resource(name="x", use=[1, 2], limit=NAN),)), "x: the limit is nan"),
        (Constraints(tenants=Tenants(tenant=[0, 1], budget=[1, 1])), r"tenant has the shape \(2,\)"),
        (Constraints(tenants=Tenants(tenant=[0.0, 1, 0], budget=[1, 1])), "type float64"),
        (Constraints(tenants=Tenants(tenant=[0, 2, 0], budget=[1, 1])), "task 1 belongs to tenant 2: .* 2 tenants"),
        (Constraints(tenants=Tenants(tenant=[0, 0, -1], budget=[1, 1])), "task 2 belongs to tenant -1"),
        (Constraints(tenants=Tenants(tenant=[0, 0, 0], budget=[-1.0])), "budget is -1.0 at 0"),
        (Constraints(minimum_accuracy=[0.1]), "minimum accuracy has the shape"),
        (Constraints(minimum_accuracy=NAN), "minimum accuracy is NaN"),
    ],
)
def test_bad_constraints_are_named(constraints: Constraints, says: str) -> None:
    with pytest.raises(InvalidAllocationInput, match=says):
        solve(constraints)


@pytest.mark.parametrize("budget", [NAN, -1.0])
def test_a_bad_budget_is_named(budget: float) -> None:
    with pytest.raises(InvalidAllocationInput, match="budget is"):
        solve(Constraints(), budget)
