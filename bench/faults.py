"""Prints what becomes of jobs under fire: workers, broker, database and engines killed, frozen, wiped, full, hung.

    python -m bench.faults [--seeds N] [--tasks N] [--lease SECONDS] [--quick] [--json]

For each seed a job of 40,000 tasks with a cap that binds runs on two engine workers, two router workers and two
reconcilers, while every mishap of tests/faults/mishaps.py happens once, in random order at random moments. Servers and
workers are started for this. --quick (under 50 s): one small job and four mishaps.
"""

import argparse
import shutil
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.figures import Figure, print_figures
from tests.brokers import broker_of_redis
from tests.faults.fire import run_fire
from tests.faults.fire_report import MOST_REPEATED, FireReport
from tests.faults.mishaps import Mishap
from tests.faults.recovery import Recovery
from tests.open_directory import make_open_directory
from worker.redis import run_redis

QUICK = (Mishap.KILL_ENGINE, Mishap.WIPE_BROKER, Mishap.KILL_POSTGRES, Mishap.FILL_DISK)
QUICK_TASKS = 8_000
HEAD = "seed   tasks   seconds  outcomes  reasons  errors  repeated  cap used  looks at the cap  above it  violations"


def burn(seed: int, *, tasks: int, lease_seconds: float, mishaps: Sequence[Mishap]) -> FireReport:
    """What became of one job."""
    folder = make_open_directory()
    try:
        with run_redis() as server:
            broker = broker_of_redis(server)
            return run_fire(broker, folder=folder, seed=seed, tasks=tasks, lease_seconds=lease_seconds, mishaps=mishaps)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def print_report(report: FireReport) -> None:
    """One line of the table, and what is wrong."""
    print(
        f"{report.seed:>4}{report.tasks:>8,}{report.seconds:>10.0f}{report.outcomes:>10,}{report.reasons:>9,}"
        f"{report.errors:>8,}{report.repeated / report.tasks:>10.2%}{report.share_committed:>10.1%}"
        f"{report.looks:>18,}{max(0, report.worst_excess):>10,}{len(report.violations):>12,}",
        flush=True,
    )
    for complaint in report.list_complaints():
        print(f"     {complaint}")


def print_recoveries(recoveries: Iterable[Recovery]) -> None:
    """How long each kind of recovery took, over all seeds; beside it, where the next mishap came before it was over."""
    kinds: dict[tuple[Mishap, str], list[Recovery]] = defaultdict(list)
    for recovery in recoveries:
        kinds[recovery.mishap, recovery.what].append(recovery)
    print(
        "\nmishap                                  until                     bound s  "
        + "  ".join(["times  median s  longest s"] * 2)
    )
    for (mishap, what), own in sorted(kinds.items()):
        undisturbed = [recovery.seconds for recovery in own if not recovery.disturbed]
        disturbed = [recovery.seconds for recovery in own if recovery.disturbed]
        print(f"{mishap:<40}{what:<26}{own[0].bound_seconds:>7.1f}{_describe(undisturbed)}{_describe(disturbed)}")


def _describe(seconds: Sequence[float]) -> str:
    if not seconds:
        return f"{0:>7}{'':>21}"
    return f"{len(seconds):>7}{statistics.median(seconds):>10.2f}{max(seconds):>11.2f}"


def judge(reports: Sequence[FireReport]) -> list[Figure]:
    """The figures beside their goals."""
    recoveries = [recovery for report in reports for recovery in report.recoveries]
    slow = [recovery for recovery in recoveries if not recovery.in_time]
    unsettled = sum(report.tasks - report.outcomes - report.reasons for report in reports)
    repeated = max(report.repeated / report.tasks for report in reports)
    complaints = sum(len(report.list_complaints()) for report in reports)
    excess = max(0, *(report.worst_excess for report in reports))
    violations = sum(len(report.violations) for report in reports)
    return [
        Figure("tasks without one outcome or reason", unsettled, "tasks", "0", unsettled == 0),
        Figure("most above a cap", excess, "quanta", "0", excess == 0),
        Figure("rows against invariants", violations, "rows", "0", violations == 0),
        Figure("most repeated in a job", 100 * repeated, "%", "<= 2", repeated <= MOST_REPEATED),
        Figure("broken promises", complaints, "", "0", complaints == 0),
        Figure("recoveries past their bound", len(slow), f"of {len(recoveries)}", "0", not slow),
    ]


def main() -> None:
    """Burn and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="how many jobs")
    parser.add_argument("--tasks", type=int, default=40_000, help="of each job")
    parser.add_argument("--lease", type=float, default=3.0, metavar="SECONDS", help="of groups and windows")
    parser.add_argument("--quick", action="store_true", help="one small job, four mishaps")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    quick: bool = arguments.quick
    print(HEAD)
    reports = []
    for seed in range(1, 2 if quick else arguments.seeds + 1):
        report = burn(
            seed,
            tasks=QUICK_TASKS if quick else arguments.tasks,
            lease_seconds=arguments.lease,
            mishaps=QUICK if quick else tuple(Mishap),
        )
        print_report(report)
        reports.append(report)
    print_recoveries(recovery for report in reports for recovery in report.recoveries)
    print_figures(judge(reports), as_json=arguments.json)


if __name__ == "__main__":
    main()
