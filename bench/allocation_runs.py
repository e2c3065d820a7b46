"""One solver on one instance in a process of its own: what it reached, how long it took, and its peak memory.

The process makes the instance, lets the solver solve a tiny one (imports and compiled code are then there), and
measures from there on.
"""

import argparse
import dataclasses
import json
import math
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.allocation_instances import MAKERS, Instance, make_constraints
from bench.allocation_peers import CONSTRAINED, SOLVERS, Answer

LEAST_MEMORY_MB = 0.25  # less than this can not be told from what a process does anyway
GRACE_SECONDS = 1  # past its time limit


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A solver and an instance."""

    solver: str
    kind: str
    tasks: int
    strategies: int
    seed: int = 1
    constrained: bool = False
    limit_seconds: float = 60.0
    repeats: int = 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """A measured run; of several, the quickest."""

    value: float
    bound: float
    cost: float
    budget: float
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float  # resident memory above what there was before the solver started
    finished: bool = True  # False: stopped at its time limit

    @property
    def gap(self) -> float:
        """Share of the value."""
        return (self.bound - self.value) / abs(self.value)


def run_apart(spec: Spec) -> Run:
    """The run, in a fresh process."""
    before = _count_children_seconds()
    command = [sys.executable, "-m", "bench.allocation_runs", json.dumps(dataclasses.asdict(spec))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode == 0:
        return Run(**json.loads(lines[-1]))
    if done.returncode != -signal.SIGALRM:
        raise RuntimeError(f"{spec} ended with {done.returncode}")
    nothing = dict.fromkeys(("value", "bound", "cost", "budget", "peak_mb"), math.nan)
    cpu = _count_children_seconds() - before - float(lines[0])
    return Run(**nothing, wall_seconds=spec.limit_seconds, cpu_seconds=cpu, finished=False)


def measure(spec: Spec) -> Run:
    """The run, in this process; a solver that does not keep to its limit ends with the process."""
    instance = MAKERS[spec.kind](spec.tasks, spec.strategies, spec.seed)
    tiny = MAKERS[spec.kind](60, spec.strategies, 0)
    solve = _choose_solver(spec, instance)
    _choose_solver(spec, tiny)(tiny, spec.limit_seconds)
    print(time.process_time(), flush=True)
    signal.alarm(math.ceil(spec.limit_seconds * spec.repeats) + GRACE_SECONDS)
    runs = [_measure_once(spec, instance, solve) for _ in range(spec.repeats)]
    return min(runs, key=lambda run: run.cpu_seconds)


def _choose_solver(spec: Spec, instance: Instance) -> Callable[[Instance, float], Answer]:
    if not spec.constrained:
        return SOLVERS[spec.solver]
    constraints = make_constraints(instance, spec.seed)
    return lambda one, limit_seconds: CONSTRAINED[spec.solver](one, limit_seconds, constraints)


def _measure_once(spec: Spec, instance: Instance, solve: Callable[[Instance, float], Answer]) -> Run:
    before = restart_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    answer = solve(instance, spec.limit_seconds)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Run(
        **answer._asdict(),
        budget=instance.budget,
        wall_seconds=wall,
        cpu_seconds=cpu,
        peak_mb=max(read_peak() - before, LEAST_MEMORY_MB),
        finished=not math.isnan(answer.value) and wall < spec.limit_seconds,
    )


def _count_children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def restart_peak() -> float:
    """Forget the highest memory so far where the system can; the memory there is to start from, in MB."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return read_peak()
    return read_peak()


def read_peak() -> float:
    """The highest resident memory since the last restart, in MB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return float(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print one run as JSON, for the process that asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    print(json.dumps(dataclasses.asdict(measure(Spec(**json.loads(parser.parse_args().spec))))))


if __name__ == "__main__":
    main()
