"""Prints how fast and how close to the best the allocator is, beside HiGHS and the published dynamic programme.

    python bench/allocate.py [--quick] [--json]

Times are CPU seconds: every solver here runs on one thread, so that is what a quiet machine shows on the clock. The
last line of --json is one JSON object with the figures. --quick leaves out the largest sizes and takes under 50 s.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, vstack

from router import Allocation, allocate, frontier

Cells = NDArray[np.float64]


class Instance(NamedTuple):
    """One allocation problem."""

    accuracy: Cells
    cost: Cells
    budget: float


class Figure(NamedTuple):
    """One measured number beside its goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool


class Solved(NamedTuple):
    """What a solver reached, and how long it took."""

    value: float
    seconds: float
    bound: float  # no solution has a larger value, by the solver's own account
    cost: float = 0.0


def make_realistic(tasks: int, strategies: int, seed: int, share: float = 0.2) -> Instance:
    """Costs over 100x, dearer strategies better on the whole, tasks of different difficulty."""
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1, 100, strategies)
    cost = 1e9 * scale * rng.lognormal(0, 0.4, (tasks, strategies))
    skill = rng.normal(0, 1.5, (tasks, 1)) + 0.4 * np.log(scale) + rng.normal(0, 0.7, (tasks, strategies))
    return _with_budget(1 / (1 + np.exp(-skill)), cost, share)


def make_random(tasks: int, strategies: int, seed: int) -> Instance:
    """Independent uniform accuracies and costs."""
    rng = np.random.default_rng(seed)
    return _with_budget(rng.random((tasks, strategies)), rng.random((tasks, strategies)) * 1e9, 0.1)


def make_correlated(tasks: int, strategies: int, seed: int) -> Instance:
    """Accuracy is a line in the cost plus a little noise."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 10**6, (tasks, strategies)).astype(float)
    return _with_budget(cost / 1e6 + rng.normal(0, 1e-3, cost.shape), cost, 0.3)


def make_subset_sum(tasks: int, strategies: int, seed: int) -> Instance:
    """Accuracy is the cost itself: only an exact sum is optimal."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(1, 10**6, (tasks, strategies)).astype(float)
    return _with_budget(cost / 1e6, cost, 0.3)


def make_identical(tasks: int, strategies: int, seed: int) -> Instance:
    """All tasks are the same task."""
    one = make_realistic(1, strategies, seed)
    return _with_budget(np.tile(one.accuracy, (tasks, 1)), np.tile(one.cost, (tasks, 1)), 0.3)


def _with_budget(accuracy: Cells, cost: Cells, share: float) -> Instance:
    cheapest, dearest = cost.min(axis=1).sum(), cost.max(axis=1).sum()
    return Instance(accuracy, cost, float(cheapest + share * (dearest - cheapest)))


def solve_here(instance: Instance) -> tuple[Allocation, float]:
    """This allocator, and its CPU seconds."""
    begun = time.process_time()
    allocation = allocate(instance.accuracy, instance.cost, instance.budget)
    seconds = time.process_time() - begun
    spent = instance.cost[np.arange(len(instance.cost)), allocation.choice].sum()
    assert spent <= instance.budget, "the budget is broken"
    return allocation, seconds


def solve_with_highs(instance: Instance, time_limit: float) -> Solved:
    """HiGHS on the mixed-integer programme; the bound is its dual bound."""
    programme = _constraints(instance)
    begun = time.process_time()
    answer = milp(
        -instance.accuracy.ravel(),
        integrality=np.ones(instance.accuracy.size),
        bounds=Bounds(0, 1),
        constraints=programme,
        options={"mip_rel_gap": 0.0, "time_limit": time_limit},
    )
    seconds = time.process_time() - begun
    value = -float(answer.fun) if answer.x is not None else float("nan")
    return Solved(value, seconds, -float(answer.mip_dual_bound))


def solve_relaxation_with_highs(instance: Instance) -> Solved:
    """HiGHS on the linear relaxation."""
    one_each, within = _constraints(instance)
    begun = time.process_time()
    answer = linprog(
        -instance.accuracy.ravel(),
        A_ub=within.A,
        b_ub=within.ub,
        A_eq=one_each.A,
        b_eq=one_each.ub,
        bounds=(0, 1),
        method="highs",
    )
    return Solved(-float(answer.fun), time.process_time() - begun, -float(answer.fun))


def _constraints(instance: Instance) -> tuple[LinearConstraint, LinearConstraint]:
    tasks, strategies = instance.accuracy.shape
    cells = tasks * strategies
    rows = np.repeat(np.arange(tasks), strategies)
    one_each = csr_array((np.ones(cells), (rows, np.arange(cells))), shape=(tasks, cells))
    spending = vstack([csr_array(instance.cost.reshape(1, -1) / instance.budget)])
    return LinearConstraint(one_each, 1, 1), LinearConstraint(spending, -np.inf, 1)


def solve_with_published_programme(instance: Instance, steps: int) -> Solved:
    """The dynamic programme over a budget of `steps` equal steps (CONCUR, section 3.3), costs rounded up.

    Costs rounded to the nearest step, as published, would break the budget.
    """
    begun = time.process_time()
    step = instance.budget / steps
    rounded = np.ceil(instance.cost / step).astype(int)
    best = np.zeros(steps + 1)  # best[b]: the largest accuracy within b steps
    for accuracies, costs in zip(instance.accuracy, rounded, strict=True):
        following = np.full(steps + 1, -np.inf)
        for accuracy, cost in zip(accuracies, costs, strict=True):
            if cost <= steps:
                np.maximum(following[cost:], best[: steps + 1 - cost] + accuracy, out=following[cost:])
        best = following
    return Solved(float(best[-1]), time.process_time() - begun, float("inf"))


def measure_windows() -> list[Figure]:
    """Windows of the sizes a job has: the median time, and how many are proven."""
    figures = []
    for tasks in (240, 1000, 5000):
        runs = [solve_here(make_realistic(tasks, 10, seed, share)) for seed in range(7) for share in (0.05, 0.2, 0.5)]
        median_ms = statistics.median(seconds for _, seconds in runs) * 1e3
        proven = sum(allocation.proven for allocation, _ in runs) / len(runs)
        print(f"{tasks:>9,} x 10  median {median_ms:8.2f} ms  proven {proven:.0%} of {len(runs)}")
        figures.append(Figure(f"window of {tasks}, median", median_ms, "CPU ms", "<= 50", median_ms <= 50))
        figures.append(Figure(f"window of {tasks}, proven", proven * 100, "%", "100", proven == 1))
    return figures


def compare_solvers(time_limit: float) -> list[Figure]:
    """The same instances to this allocator, HiGHS and the published programme."""
    here_at: dict[str, float] = {}
    for name, instance in (("240 x 7", make_realistic(240, 7, 1)), ("1,000 x 10", make_realistic(1000, 10, 1))):
        allocation, here_at[name] = solve_here(instance)
        highs = solve_with_highs(instance, time_limit)
        programme = solve_with_published_programme(instance, steps=10 * len(instance.cost))
        print(f"{name}, realistic")
        _print_row("here", allocation.accuracy, here_at[name], f"gap {allocation.gap:.1e}, proven {allocation.proven}")
        _print_row("HiGHS MILP", highs.value, highs.seconds, f"gap {highs.bound - highs.value:.1e}")
        _print_row("published programme", programme.value, programme.seconds, "10 steps a task, rounded up")
    instance = make_realistic(10_000, 10, 1)
    allocation, here = solve_here(instance)
    relaxation = solve_relaxation_with_highs(instance)
    print("10,000 x 10, realistic")
    _print_row("here", allocation.accuracy, here, f"gap {allocation.gap:.1e}, proven {allocation.proven}")
    _print_row("HiGHS LP", relaxation.value, relaxation.seconds, "the relaxation only")
    times = highs.seconds / here_at["1,000 x 10"]
    return [
        Figure("1,000 x 10, times faster than HiGHS MILP", times, "x", ">= 50", times >= 50),
        Figure(
            "10,000 x 10, below HiGHS LP bound", relaxation.value - allocation.accuracy, "tasks", "<= 0.01",
            -1e-3 <= relaxation.value - allocation.accuracy <= 0.01,
        ),
    ]  # fmt: skip


def _print_row(solver: str, value: float, seconds: float, remark: str) -> None:
    print(f"    {solver:<20} accuracy {value:14.6f}  {seconds * 1e3:10.1f} ms  {remark}")


MAKERS: dict[str, Callable[[int, int, int], Instance]] = {
    "realistic": make_realistic,
    "random": make_random,
    "correlated": make_correlated,
    "subset sum": make_subset_sum,
    "identical": make_identical,
}


def measure_scale(sizes: tuple[int, ...]) -> list[Figure]:
    """Every kind of instance at every size, and the frontier of the largest."""
    figures = []
    for tasks in sizes:
        for name, make in MAKERS.items():
            allocation, seconds = solve_here(make(tasks, 10, 0))
            share = allocation.gap / allocation.accuracy
            print(f"{tasks:>9,} x 10  {name:<11} {seconds:7.3f} s  gap {share:.1e} of the value")
            goal_seconds, goal_gap = 5 * max(tasks / 1e6, 0.2), 1e-5
            figures.append(
                Figure(f"{tasks:,} x 10 {name}", seconds, "CPU s", f"<= {goal_seconds:g}", seconds <= goal_seconds)
            )
            figures.append(
                Figure(f"{tasks:,} x 10 {name}, gap", share, "of value", f"<= {goal_gap}", share <= goal_gap)
            )
    instance = make_realistic(sizes[-1], 10, 0)
    begun = time.process_time()
    curve = frontier(instance.accuracy, instance.cost)
    seconds = time.process_time() - begun
    print(f"{sizes[-1]:>9,} x 10  frontier    {seconds:7.3f} s  {len(curve.cost):,} breakpoints")
    figures.append(Figure(f"frontier of {sizes[-1]:,} x 10", seconds, "CPU s", "<= 5", seconds <= 5))
    return figures


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    solve_here(make_realistic(50, 4, 0))  # NumPy's own first call
    figures = measure_windows()
    figures += compare_solvers(time_limit=8.0 if arguments.quick else 60.0)
    figures += measure_scale((100_000,) if arguments.quick else (100_000, 1_000_000))
    missed = [figure.name for figure in figures if not figure.met]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals met" + (f"; missed: {missed}" if missed else ""))
    if arguments.json:
        print(json.dumps({"figures": [figure._asdict() for figure in figures]}))


if __name__ == "__main__":
    main()
