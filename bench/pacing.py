"""Prints how close to the best plan a budget is paced over long jobs and streams, beside what others do.

    python -m bench.pacing [--quick] [--json] [--plot FILE]

Every workload is simulated with the ledger's rules: a task's worst case is reserved before it starts, its true cost
settled when it ends, and what does not fit waits or is downgraded. Then a job is run for real: database, windows,
reservations and settlements, with an engine that answers at once. 1,000,000 tasks in 200 windows, 100,000 for real;
--quick (under 50 s on a quiet machine): 100,000, and 2,000 for real. --plot draws the budget over time.

100 % is the best plan that could have been made with all tasks known and whose true cost is just the cap. The peers
know how many tasks there are; a stream is told a tenth too few.
"""

import argparse
import statistics
from pathlib import Path
from typing import NamedTuple

from bench.figures import Figure, print_figures
from bench.pacing_peers import EvenShare, ExactAgain, Greedy, LearnOnce, MirrorDescent
from bench.pacing_plot import plot_spending
from bench.pacing_policies import KnownBacklog, MakePolicy, StatedStream, Stream
from bench.pacing_real import measure_real_job
from bench.pacing_routers import KnownBacklogByRouters, LeasedStream
from bench.pacing_simulation import Paced, cut_windows, simulate
from bench.pacing_workloads import MAKERS, Workload, make_bursts, make_drift, make_hard_last, make_stationary
from router.warm_up import compile_kernels

SEED = 1
WINDOWS = 200
STREAM_WINDOWS = 2000  # of the routers that share a stream: several in each epoch
STREAMS: dict[str, MakePolicy] = {"stream": Stream, "stream, volume said": StatedStream}
PEERS: dict[str, MakePolicy] = {
    "even share": EvenShare,
    "mirror descent": MirrorDescent,
    "price learnt once": LearnOnce,
    "first come": Greedy,
}
EXACT_IN = (make_hard_last,)  # a whole allocation for every window takes long
DRIFTING = {"slow drift", "jumps"}
UNKNOWABLE = {"hard tasks last", "bursts"}  # to a stream
BURST_TASKS = 100_000


class Run(NamedTuple):
    """One way on one workload."""

    way: str
    paced: Paced
    share: float  # of the optimum, in percent


def run_ways(workload: Workload, *, exactly: bool) -> list[Run]:
    """The product with a known backlog and as a stream, then the peers."""
    optimum = workload.find_optimum().accuracy
    windows = cut_windows(len(workload.accuracy), len(workload.accuracy) // WINDOWS)
    ways: dict[str, MakePolicy] = {"known backlog": KnownBacklog, **STREAMS, **PEERS}
    if exactly:
        ways["exact again"] = ExactAgain
    runs = []
    for way, policy in ways.items():
        paced = simulate(workload, policy(workload), windows=windows, known=way not in STREAMS)
        runs.append(Run(way, paced, 100 * paced.accuracy / optimum))
    return runs


def print_runs(workload: Workload, runs: list[Run]) -> None:
    """One line for each way."""
    print(f"\n{workload.name:<22} % of optimum   spent %  waited %  downgraded %  unanswered  overrun  ms a window")
    for way, paced, share in runs:
        print(
            f"  {way:<20} {share:>11.4f} {100 * paced.spent_share:>9.3f} {100 * paced.waited:>9.2f} "
            f"{100 * paced.downgraded:>13.3f} {paced.unanswered:>11,} {paced.overrun:>8} {paced.routing_ms:>12.2f}"
        )


def judge(workload: Workload, runs: list[Run]) -> list[Figure]:
    """The goals of one workload."""
    known, stream, said = (run.share for run in runs[:3])
    goal = 99.5 if workload.name in DRIFTING else 99.95
    stated = workload.name in UNKNOWABLE
    overrun = max(run.paced.overrun for run in runs)
    unit = "% of optimum"
    return [
        Figure(f"{workload.name}, known backlog", known, unit, ">= 99.99", known >= 99.99),
        Figure(
            f"{workload.name}, stream", stream, unit, "stated" if stated else f">= {goal:g}", stated or stream >= goal
        ),
        *_judge_said_volume(workload, said),
        Figure(f"{workload.name}, overrun", overrun, "quanta", "0", overrun == 0),
    ]


def _judge_said_volume(workload: Workload, share: float) -> list[Figure]:
    """A stream of bursts is like any other where its volume is known."""
    if workload.name != "bursts":
        return []
    return [Figure("bursts, stream, volume said", share, "% of optimum", ">= 99.95", share >= 99.95)]


def measure_bursts(times: int) -> list[Figure]:
    """Bursts at other times of the period, which decide what a stream is worth whose volume nobody said."""
    shares, unanswered = [], 0
    for seed in range(times):
        workload = make_bursts(BURST_TASKS, seed)
        windows = cut_windows(BURST_TASKS, BURST_TASKS // WINDOWS)
        paced = simulate(workload, Stream(workload), windows=windows, known=False)
        shares.append(100 * paced.accuracy / workload.find_optimum().accuracy)
        unanswered += paced.unanswered
    mean, worst = statistics.mean(shares), min(shares)
    print(
        f"\nbursts, {times} times {BURST_TASKS:,} tasks as a stream: mean {mean:.2f} % of optimum, "
        f"worst {worst:.2f} %, {unanswered} unanswered"
    )
    return [
        Figure(f"bursts, mean of {times}", mean, "% of optimum", "stated", True),
        Figure(f"bursts, worst of {times}", worst, "% of optimum", "stated", True),
        Figure(f"bursts, unanswered in {times}", unanswered, "tasks", "stated", True),
    ]


def compare_routers(workload: Workload) -> list[Figure]:
    """Eight routers against one, with a known backlog and on a stream."""
    tasks = len(workload.accuracy)
    figures = []
    for name, one, many, count in (
        ("known backlog", KnownBacklog, KnownBacklogByRouters, WINDOWS),
        ("stream", Stream, LeasedStream, STREAM_WINDOWS),
    ):
        windows = cut_windows(tasks, tasks // count)
        alone, routers = (
            simulate(workload, policy, windows=windows, known=name not in STREAMS)
            for policy in (one(workload), many(workload))
        )
        points = 100 * (alone.accuracy - routers.accuracy) / tasks
        overrun = max(alone.overrun, routers.overrun)
        print(f"\n8 routers, {workload.name}, {name}: {points:+.4f} points behind one; overrun {overrun}")
        what = f"8 routers, {workload.name}, {name}"
        figures.append(Figure(what, points, "points behind one", "<= 0.05", points <= 0.05))
        figures.append(Figure(f"{what}, overrun", overrun, "quanta", "0", overrun == 0))
    return figures


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the budget over time as well")
    arguments = parser.parse_args()
    tasks = 100_000 if arguments.quick else 1_000_000
    compile_kernels()
    figures = []
    for make in MAKERS:
        workload = make(tasks, SEED)
        runs = run_ways(workload, exactly=make in EXACT_IN)
        print_runs(workload, runs)
        figures += judge(workload, runs)
    for make in (make_stationary, make_drift):
        figures += compare_routers(make(tasks, SEED))
    figures += measure_bursts(5 if arguments.quick else 15)
    figures += measure_real_job(2_000 if arguments.quick else 100_000)
    if arguments.plot:
        plot_spending(arguments.plot, tasks=tasks)
    print_figures(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
