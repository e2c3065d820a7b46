"""How long the allocator takes, by size and kind of instance, beside the goals it is held to."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from bench.allocation_instances import MAKERS, Instance, make_correlated, make_realistic
from bench.allocation_peers import solve_here
from bench.allocation_runs import read_peak, restart_peak
from bench.figures import Figure
from router import allocate, frontier

SORTED_FLOATS = 10_000_000
ENOUGH_SECONDS = 4.0  # of repeating one measurement


class Timed(NamedTuple):
    """The quickest of some runs: other work on the machine only ever adds."""

    wall_seconds: float
    runs: int


def time_quickest(work: Callable[[], object], runs: int = 5) -> Timed:
    """As many runs as asked for, fewer where they take long."""
    seconds: list[float] = []
    while len(seconds) < runs and sum(seconds) < ENOUGH_SECONDS:
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return Timed(min(seconds), len(seconds))


def measure_million(*, quick: bool) -> list[Figure]:
    """1e6 x 10 on the clock, beside NumPy's argsort of 1e7 floats in the same run, and in memory."""
    instance = make_realistic(1_000_000, 10, 0)
    before = restart_peak()
    allocation = allocate(*instance)
    peak_gb = (read_peak() - before) / 1024
    here = time_quickest(lambda: solve_here(instance, 60))
    floats = np.random.default_rng(0).random(SORTED_FLOATS)
    sorting = time_quickest(lambda: np.argsort(floats), runs=1 if quick else 3)
    gap, ratio = allocation.gap / allocation.accuracy, here.wall_seconds / sorting.wall_seconds
    print(
        f"1,000,000 x 10  {here.wall_seconds:.3f} s (best of {here.runs}), argsort of 1e7 floats "
        f"{sorting.wall_seconds:.3f} s, gap {gap:.1e} of the value, proven {allocation.proven}, {peak_gb:.2f} GB"
    )
    return [
        Figure("1e6 x 10", here.wall_seconds, "s", "<= 0.2 on a quiet machine", here.wall_seconds <= 0.2),
        Figure("1e6 x 10, of argsort of 1e7 floats", ratio, "x", "<= 0.25", ratio <= 0.25),
        Figure("1e6 x 10, gap", gap, "of value", "proven or <= 1e-9", allocation.proven or gap <= 1e-9),
        Figure("1e6 x 10, peak memory", peak_gb, "GB above the arrays", "<= 0.6", peak_gb <= 0.6),
        *measure_frontier(instance),
    ]


def measure_frontier(instance: Instance) -> list[Figure]:
    """All breakpoints, and one question to them."""
    curve = frontier(instance.accuracy, instance.cost)
    tracing = time_quickest(lambda: frontier(instance.accuracy, instance.cost), runs=3)
    budgets = np.random.default_rng(0).uniform(curve.cost[0], curve.cost[-1], 1000)
    asking = time_quickest(lambda: [curve.accuracy_at(budget) for budget in budgets])
    query_us = asking.wall_seconds / len(budgets) * 1e6
    print(
        f"frontier of 1e6 x 10  {tracing.wall_seconds:.3f} s, {len(curve.cost):,} breakpoints, query {query_us:.1f} us"
    )
    return [
        Figure("frontier of 1e6 x 10", tracing.wall_seconds, "s", "<= 0.6", tracing.wall_seconds <= 0.6),
        Figure("frontier, query", query_us, "us", "<= 50", query_us <= 50),
    ]


def measure_shapes(*, quick: bool) -> list[Figure]:
    """Many strategies; the largest only without --quick."""
    figures = [_measure_shape("1e5 x 100", make_realistic(100_000, 100, 0), 0.3)]
    if quick:
        return figures
    figures.append(_measure_shape("1e6 x 50", make_realistic(1_000_000, 50, 0), 1.5))
    largest = make_realistic(10_000_000, 10, 0, dtype=np.float32)
    before = restart_peak()
    figures.append(_measure_shape("1e7 x 10 (float32)", largest, 5))
    peak_gb = (read_peak() - before) / 1024
    figures.append(Figure("1e7 x 10 (float32), peak memory", peak_gb, "GB above the arrays", "<= 2", peak_gb <= 2))
    return figures


def _measure_shape(name: str, instance: Instance, goal_seconds: float) -> Figure:
    timed = time_quickest(lambda: solve_here(instance, 60), runs=3)
    print(f"{name}  {timed.wall_seconds:.3f} s (best of {timed.runs})")
    return Figure(name, timed.wall_seconds, "s", f"<= {goal_seconds:g}", timed.wall_seconds <= goal_seconds)


def measure_windows() -> list[Figure]:
    """Windows of 1,000 tasks: the median time, and how many are proven."""
    realistic = [make_realistic(1000, 10, seed, share) for seed in range(7) for share in (0.05, 0.2, 0.5)]
    correlated = [make_correlated(1000, 10, seed) for seed in range(9)]
    figures = []
    for name, instances, goal_ms, goal_proven in (
        ("", realistic, 2.0, "100"),
        (" correlated", correlated, 20.0, "stated"),
    ):
        median_ms = 1e3 * statistics.median(
            time_quickest(partial(allocate, *one), runs=3).wall_seconds for one in instances
        )
        proven = 100 * sum(allocate(*one).proven for one in instances) / len(instances)
        print(f"windows of 1,000 x 10{name}  median {median_ms:.2f} ms, proven {proven:.0f} % of {len(instances)}")
        figures += [
            Figure(f"window of 1,000{name}, median", median_ms, "ms", f"<= {goal_ms:g}", median_ms <= goal_ms),
            Figure(f"window of 1,000{name}, proven", proven, "%", goal_proven, proven == 100 or goal_proven != "100"),
        ]
    return figures


def measure_adversarial(sizes: tuple[int, ...]) -> list[Figure]:
    """Instances that leave a gap: it stays small, and the time too."""
    figures = []
    for tasks in sizes:
        for kind in ("identical", "correlated", "subset sum"):
            instance = MAKERS[kind](tasks, 10, 0)
            timed = time_quickest(partial(solve_here, instance, 60), runs=2)
            allocation = allocate(*instance)
            gap = allocation.gap / allocation.accuracy
            print(f"{tasks:>9,} x 10  {kind:<11} {timed.wall_seconds:7.3f} s  gap {gap:.1e} of the value")
            figures.append(Figure(f"{kind}, {tasks:,}", timed.wall_seconds, "s", "<= 1", timed.wall_seconds <= 1))
            figures.append(Figure(f"{kind}, {tasks:,}, gap", gap, "of value", "<= 5e-6", gap <= 5e-6))
    return figures
