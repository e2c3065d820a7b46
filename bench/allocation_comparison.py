"""The allocator beside other solvers on the same instances, each in a process of its own."""

import math
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench.allocation_runs import Run, Spec, run_apart
from bench.figures import Figure

SOLVERS = ("here", "published programme", "HiGHS MILP", "HiGHS LP", "CP-SAT")
RECORDED_CPU_SECONDS, RECORDED_GB = 105.0, 3.5  # the published code for 1,000 tasks, as recorded in the issue
COLD = """
import time; begun = time.perf_counter()
from router import allocate; imported = time.perf_counter()
allocate([[0.1, 0.9], [0.2, 0.8]], [[1.0, 2.0], [1.0, 2.0]], 3.0); first = time.perf_counter()
allocate([[0.1, 0.9], [0.2, 0.8]], [[1.0, 2.0], [1.0, 2.0]], 3.0); second = time.perf_counter()
print(imported - begun, first - imported, second - first)
"""


class Row(NamedTuple):
    """A line of the table."""

    spec: Spec
    run: Run
    remark: str = ""


def compare_solvers(console: Console, *, quick: bool, limit_seconds: float) -> list[Figure]:
    """A table of all solvers on all kinds of instance, and the goals for 1,000 tasks."""
    kinds = ("realistic", "correlated") if quick else ("realistic", "random", "correlated", "subset sum", "identical")
    rows = []
    for kind in kinds:
        tasks = 1000 if kind == "realistic" or not quick else 240
        for solver in SOLVERS if tasks == 1000 else ("here", "HiGHS MILP"):
            rows.append(_run_one(solver, kind, tasks, quick=quick, limit_seconds=limit_seconds))
            console.print(f"    {rows[-1].spec.kind}, {solver}: {rows[-1].run.cpu_seconds:.3g} CPU s", highlight=False)
    large = [_run_one(solver, "realistic", 10_000, quick=quick, limit_seconds=60) for solver in ("here", "HiGHS LP")]
    _print_table(console, [*rows, *large])
    here, programme, milp = (row.run for row in rows[:3])
    linear = large[1].run.cpu_seconds / large[0].run.cpu_seconds
    times = milp.cpu_seconds / here.cpu_seconds
    return [
        *_judge_programme(here, programme, rows[1].remark),
        Figure("1,000 x 10, times faster than HiGHS MILP", times, "x", ">= 50", times >= 50),
        Figure("10,000 x 10, times faster than HiGHS LP", linear, "x", ">= 400", linear >= 400),
    ]


def _judge_programme(here: Run, programme: Run, remark: str) -> list[Figure]:
    faster, smaller = programme.cpu_seconds / here.cpu_seconds, programme.peak_mb / here.peak_mb
    recorded, less = RECORDED_CPU_SECONDS / here.cpu_seconds, RECORDED_GB * 1024 / here.peak_mb
    name = f"1,000 x 10, {{}} than the published programme, our implementation{remark and f' ({remark})'}"
    by_record = "1,000 x 10, {} than the published code's {}"
    return [
        Figure(name.format("times faster"), faster, "x", ">= 10000", faster >= 10_000),
        Figure(name.format("times less memory"), smaller, "x", ">= 1000", smaller >= 1000),
        Figure(by_record.format("times faster", "105 CPU s"), recorded, "x", ">= 10000", recorded >= 10_000),
        Figure(by_record.format("times less memory", "3.5 GB"), less, "x", ">= 1000", less >= 1000),
        Figure("1,000 x 10, spent of the budget", here.cost / here.budget, "share", "<= 1", here.cost <= here.budget),
    ]


def _run_one(solver: str, kind: str, tasks: int, *, quick: bool, limit_seconds: float) -> Row:
    """A run; the published programme's from fewer tasks in --quick, and said to be so."""
    repeats = 5 if solver == "here" else 1
    spec = Spec(solver=solver, kind=kind, tasks=tasks, strategies=10, limit_seconds=limit_seconds, repeats=repeats)
    if solver != "published programme" or not quick:
        return Row(spec, run_apart(spec))
    part = tasks // 5
    run = run_apart(Spec(solver=solver, kind=kind, tasks=part, strategies=10, limit_seconds=limit_seconds))
    grown = Run(
        value=math.nan, bound=math.inf, cost=math.nan, budget=run.budget, wall_seconds=25 * run.wall_seconds,
        cpu_seconds=25 * run.cpu_seconds, peak_mb=25 * run.peak_mb,
    )  # fmt: skip
    return Row(spec, grown, f"extrapolated from {part} tasks by their square")


def _print_table(console: Console, rows: list[Row]) -> None:
    table = Table("instance", "solver", "wall s", "CPU s", "MB", "value", "gap of value", "of budget", "")
    for row in rows:
        run, remark = row.run, row.remark
        over = run.cost > run.budget
        remark = remark or ("stopped at its limit" if not run.finished else "passes the budget" if over else "")
        table.add_row(
            f"{row.spec.kind} {row.spec.tasks:,}", row.spec.solver, f"{run.wall_seconds:.4f}", f"{run.cpu_seconds:.4f}",
            f"{run.peak_mb:.1f}", f"{run.value:.6f}", f"{run.gap:.1e}", f"{run.cost / run.budget:.7f}", remark,
        )  # fmt: skip
    console.print(table)


def compare_constrained(console: Console, *, quick: bool) -> list[Figure]:
    """The budget and 30 more limits, beside HiGHS on the linear relaxation of the same problem."""
    spec = Spec(
        solver="here", kind="realistic", tasks=100_000, strategies=10, constrained=True, repeats=1 if quick else 3
    )
    here = run_apart(spec)
    # As long as it takes to tell whether the goal is met; more tells by how much.
    limit_seconds = max(8.3 * here.cpu_seconds, 5.0) if quick else 600.0
    highs = run_apart(replace(spec, solver="HiGHS LP", repeats=1, limit_seconds=limit_seconds))
    times = highs.cpu_seconds / here.cpu_seconds
    stopped = "" if highs.finished else f" (HiGHS stopped after {highs.wall_seconds:.0f} s: at least)"
    console.print(
        f"31 limits, 100,000 x 10: here {here.cpu_seconds:.2f} CPU s, {here.peak_mb:.0f} MB, gap {here.gap:.1e} of "
        f"the value; HiGHS LP {highs.cpu_seconds:.2f} CPU s{stopped}",
        highlight=False,
    )
    name = "31 limits, 100,000 x 10"
    return [
        Figure(f"{name}, times faster than HiGHS LP{stopped}", times, "x", ">= 8", times >= 8),
        Figure(f"{name}, gap", here.gap, "of value", "<= 1e-4", here.gap <= 1e-4),
    ]


def measure_first_call() -> list[Figure]:
    """What the first allocation of an installation costs: nothing compiled is kept yet."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("nothing compiled yet", "compiled code kept on disk"):
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            command = [sys.executable, "-c", COLD]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            imported, first, second = map(float, done.stdout.split())
            print(f"first allocation, {name}: import {imported:.2f} s, call {first:.2f} s (then {second * 1e3:.2f} ms)")
            figures.append(Figure(f"first call, {name}", first, "s", "stated", True))
    return figures
