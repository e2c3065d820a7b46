"""Prints how soon a silently degraded strategy is noticed and loses its tasks, and how often there is a false alarm.

    python -m bench.drift [--data FOLDER] [--datasets NAME ...] [--plot FILE] [--quick] [--json]

Quiet nights are 1,000 tasks of the pool each, routed under a budget as they are predicted. A degraded strategy gives,
from some moment on, wrong answers in the place of some right ones. Without --data the pool is made: six strategies
whose predictions are wrong by 3 to 5 points, and whose costs are up to 15 % off. `pip install river==0.26.1` adds
river's detectors, which know nothing of costs.
"""

import argparse
from pathlib import Path

import numpy as np

from bench.decision_inputs import add_arguments, parse
from bench.decision_table import markdown
from bench.drift_detectors import Told, list_detectors
from bench.drift_nights import MOST, NIGHT, Routed, average_degraded, count_alarms, measure_delays
from bench.drift_passing import LASTING, list_passing
from bench.drift_plot import plot_degraded
from bench.drift_pools import Pool, read_pools
from bench.figures import Figure, print_figures
from router.scoring import expected_calibration_error

FALLS = (0.05, 0.1, 0.15, 0.2, 0.3)
DECISIVE = 0.2  # the fall whose detection is a goal; 15 points are shown beside it
NIGHTS, QUICK_NIGHTS = 100, 30
TIMES, QUICK_TIMES = 60, 25
WINDOWS = 30  # of 100 tasks, in which a strategy is degraded after a third
COLUMNS = ("detector", "false alarms", "withdrawn", "true", *(f"-{100 * fall:.0f}" for fall in FALLS))


def measure(pool: Pool, *, nights: int, times: int) -> list[Figure]:
    """Every detector's alarms on the pool; goals are of ours."""
    figures: list[Figure] = []
    rows = []
    columns = zip(pool.predicted.T, pool.correct.T, strict=True)
    error = float(np.mean([expected_calibration_error(*column) for column in columns]))
    print(f"## {pool.name}: {len(pool.cost)} tasks, {pool.cost.shape[1]} strategies, ECE {error:.3f}\n", flush=True)
    if broken := pool.list_broken():
        lines = "\n".join(f"- {off.why} beside what was predicted" for off in broken)
        print(
            f"off by more than is tolerated on what they are given, so that alarms about it are not false:\n{lines}\n"
        )
    for name, build in list_detectors().items():
        alarms = count_alarms(pool, build, nights=nights)
        delays = {fall: measure_delays(pool, build, fall=fall, times=times) for fall in FALLS}
        false, true = (f"{kind[Told.ACCURACY]} + {kind[Told.COST]}" for kind in alarms)
        told = (false, str(alarms.false[Told.WITHDRAWN]), true)
        rows.append((name, *told, *(_describe(delay) for delay in delays.values())))
        if name == "here":
            allowed = max(nights / 100, 1)
            soon = float((delays[DECISIVE] <= 300).mean())
            count = alarms.false[Told.ACCURACY] + alarms.false[Told.COST]
            figures.append(
                Figure(f"{pool.name}: false alarms", count, f"in {nights} nights", f"<= {allowed:g}", count <= allowed)
            )
            figures.append(
                Figure(f"{pool.name}: -20 points noticed", 100 * soon, "% within 300", ">= 95", soon >= 0.95)
            )
    print(
        f"{markdown(COLUMNS, rows)}\n\nalarms in {nights} quiet nights: about accuracy + about cost; of the first "
        "those that were withdrawn; median outcomes until an alarm, and the share that took at most 300\n"
    )
    return figures


def show_degraded(pool: Pool, *, times: int) -> tuple[list[Figure], dict[str, Routed]]:
    """What corrections do to a degraded strategy's share of the tasks, and to the accuracy of all."""
    routed = dict(average_degraded(pool, fall=DECISIVE, windows=WINDOWS, times=times))
    before, after = slice(0, WINDOWS // 3), slice(-WINDOWS // 3, None)
    rows = [
        (name, *(f"{100 * values[part].mean():.1f}" for values in run for part in (before, after)))
        for name, run in routed.items()
    ]
    print(markdown(("routed", "its share before, %", "after, %", "accuracy before, %", "after, %"), rows) + "\n")
    kept = routed["corrected"].share[after].mean() / max(routed["corrected"].share[before].mean(), 1e-9)
    gained = 100 * (routed["corrected"].accuracy[after].mean() - routed["as predicted"].accuracy[after].mean())
    quiet = 100 * (routed["corrected"].accuracy[before].mean() - routed["as predicted"].accuracy[before].mean())
    return [
        Figure(f"{pool.name}: share that it keeps", 100 * kept, "% of before", "<= 50", bool(kept <= 0.5)),
        Figure(f"{pool.name}: gained by correcting", gained, "points", "> 0", bool(gained > 0)),
        Figure(f"{pool.name}: cost of correcting quiet strategies", -quiet, "points", "<= 0.3", bool(-quiet <= 0.3)),
    ], routed


def main() -> None:
    """Two tables for each pool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--plot", type=Path, help="draw the degraded strategy's share of the tasks into this file")
    arguments = parse(parser)
    nights, times = (QUICK_NIGHTS, QUICK_TIMES) if arguments.quick else (NIGHTS, TIMES)
    print(f"nights of {NIGHT} tasks; a delay of {MOST} is none within so many outcomes\n")
    figures: list[Figure] = []
    drawn: dict[str, dict[str, Routed]] = {}
    for pool in read_pools(arguments):
        figures += measure(pool, nights=nights, times=times)
        degraded, drawn[pool.name] = show_degraded(pool, times=max(times // 5, 1))
        figures += degraded
    _print_passing(times)
    if arguments.plot is not None:
        plot_degraded(arguments.plot, drawn)
    print_figures(figures, as_json=arguments.json)


def _print_passing(times: int) -> None:
    rows = list_passing(times=times)
    print(f"falls that pass so many answers after their alarm, and how often it is withdrawn, of {times} each\n")
    print(markdown(("points", *map(str, LASTING)), rows) + "\n")


def _describe(delays: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    return f"{np.median(delays):.0f} ({(delays <= 300).mean():.0%})"


if __name__ == "__main__":
    main()
