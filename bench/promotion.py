"""Prints how often challengers of a known worth are promoted, beside what other tests would make of the same trials.

    python -m bench.promotion [--quick] [--json] [--plot FILE]

Every trial is simulated whole (bench/promotion_world.py): ten nights, windows of 500 tasks with their own topics, both
predictors choosing by accuracy less price times cost, tasks on which they disagree given to either by lot and labelled,
up to 5,000 labels. What is worth a point is worth it over ALL tasks, in right answers at equal spending. 1,000
challengers that are no better (half of them equal but different, the others slightly worse, or nearly the same) and 400
that are worth a point; --quick (under 50 s on a quiet machine): 400 and 150. --plot draws power over worth and labels.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.figures import Figure, print_figures
from bench.promotion_offline import estimate_off_line
from bench.promotion_peers import JUDGES, OURS, Ending
from bench.promotion_plot import plot_power
from bench.promotion_world import SEED, Challenger, Errors, find_challenger, measure_challenger, run_trial
from router.promotion.clustered import STANDARD, estimate_mean

EQUAL = Errors(shared=0.4, champion=0.6, challenger=0.6)
NEARLY_SAME = Errors(shared=0.7, champion=0.1, challenger=0.1)
SLIGHTLY = -0.0025
POINT = 0.01
OFF_LINE_LEVEL = 0.05


class Trials(NamedTuple):
    """What became of many trials of one kind of challenger."""

    endings: dict[str, list[Ending]]  # by way of testing
    errors: list[float]  # standard errors of the trial's estimate, over all tasks
    off_line: dict[str, tuple[float, float]]  # standard error and share promoted without a trial

    def share_promoted(self, way: str) -> float:
        """Percent."""
        return 100 * float(np.mean([ending.promoted for ending in self.endings[way]]))


def run_trials(challenger: Challenger, *, trials: int, seed: int) -> Trials:
    """All ways of testing on the same trials."""
    rng = np.random.default_rng(seed)
    endings: dict[str, list[Ending]] = {way: [] for way in JUDGES}
    errors, off_line = [], []
    for _ in range(trials):
        seen = run_trial(challenger, rng=rng)
        for way, judge in JUDGES.items():
            endings[way].append(judge(seen))
        errors.append(estimate_mean(seen.rows.list_gains(), seen.rows.window).standard_error * seen.disagreement)
        off_line.append(estimate_off_line(seen.tasks, rng))
    least = STANDARD.inv_cdf(1 - OFF_LINE_LEVEL)
    return Trials(
        endings,
        errors,
        {
            name: (
                float(np.median([estimate.standard_error for estimate in estimates])),
                100 * float(np.mean([estimate.score() > least for estimate in estimates])),
            )
            for name, estimates in zip(
                ("plain IPS, 1 %", "doubly robust, 1 %"), zip(*off_line, strict=True), strict=True
            )
        },
    )


def print_trials(name: str, challenger: Challenger, trials: Trials) -> None:
    """A block for each kind of challenger."""
    print(
        f"\n{name}: true gain {100 * challenger.gain:+.2f} points over all tasks, {100 * challenger.disagreement:.0f} %"
        f" disagreements ({100 * challenger.gain / challenger.disagreement:+.1f} points among them); standard error "
        f"{100 * float(np.mean(trials.errors)):.2f} points"
    )
    for way, endings in trials.endings.items():
        labels = np.mean([ending.labels for ending in endings])
        print(f"  {way:<24} promoted {trials.share_promoted(way):5.1f} %   decided after {labels:5,.0f} labels")
    for way, (error, promoted) in trials.off_line.items():
        print(f"  {way:<24} promoted {promoted:5.1f} %   standard error {100 * error:.2f} points")


def main() -> None:
    """Nulls, then challengers that are worth a point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    nulls, better = (400, 150) if arguments.quick else (1000, 400)
    kinds = {
        "equal but different": (measure_challenger(EQUAL), nulls // 2),
        "slightly worse": (find_challenger(SLIGHTLY, shared=EQUAL.shared, champion=EQUAL.champion), nulls * 3 // 10),
        "nearly the same": (measure_challenger(NEARLY_SAME), nulls // 5),
        "worth a point": (find_challenger(POINT, shared=EQUAL.shared, champion=EQUAL.champion), better),
    }
    found = {}
    for number, (name, (challenger, trials)) in enumerate(kinds.items()):
        found[name] = run_trials(challenger, trials=trials, seed=SEED + number)
        print_trials(name, challenger, found[name])
    if arguments.plot:
        plot_power(arguments.plot, trials=better, like=EQUAL)
    print_figures(judge(found), as_json=arguments.json)


def judge(found: dict[str, Trials]) -> list[Figure]:
    """The goals, over all kinds of null together and for the hardest of them."""
    promoted = Counter[str]()
    for name in list(found)[:-1]:
        for way in JUDGES:
            promoted[way] += sum(ending.promoted for ending in found[name].endings[way])
    nulls = sum(len(trials.errors) for trials in list(found.values())[:-1])
    equal, point = found["equal but different"], found["worth a point"]
    share, hardest, power = 100 * promoted[OURS] / nulls, equal.share_promoted(OURS), point.share_promoted(OURS)
    error = 100 * float(np.mean(point.errors))
    naive = 100 * promoted["t-test every night"] / nulls
    print(f"\n{nulls} challengers no better than the champion: " + ", ".join(
        f"{way} promotes {100 * count / nulls:.1f} %" for way, count in promoted.items()))  # fmt: skip
    return [
        Figure("challengers that are no better, promoted", share, "%", "<= 5", share <= 5),
        Figure("challengers that are equal but different, promoted", hardest, "%", "<= 5", hardest <= 5),
        Figure("challengers worth a point, promoted within 5,000 labels", power, "%", ">= 80", power >= 80),
        Figure("standard error of a trial after 5,000 labels", error, "points", "<= 0.4", error <= 0.4),
        Figure("no better, promoted by a t-test every night", naive, "%", "> ours", naive > share),
        Figure(
            "standard error of plain IPS with 1 % exploration after 5,000 labels",
            100 * point.off_line["plain IPS, 1 %"][0],
            "points",
            "> ours",
            100 * point.off_line["plain IPS, 1 %"][0] > error,
        ),
    ]


if __name__ == "__main__":
    main()
