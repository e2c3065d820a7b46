"""Prints how often a champion is replaced by a challenger that is no better, where the gate alone decides every night.

    python -m bench.gate_nights [--quick] [--json]

Where labels are too few for trials, a strategy is trained again each night and its new pair serves if the gate has
proven it. A made strategy (difficulty and topics as in bench/promotion_world.py) gets 500 labels a night in windows of
50, for 30 nights; what the gate compares are the latest 4,000 since the champion learnt. Each night's challenger shares
nine tenths of its errors' variance with that of the night before. The gate is the product's, with its objections; three
ways of being sure are compared on the same nights. 1,000 champions with challengers that are no better (equal but
different, slightly worse, nearly the same: 5 to 3 to 2), 200 whose challengers are worth a point and 200 with half of
one; --quick (under 50 s): 120, 40 and 40.

That is about proofs, of champions that are grown. A young one makes way for a pair of half as many labels again without
one, or of a fifth more that does not seem worse: what such steps let in, and what live answers take back of it, is told
apart (bench/growth_steps.py). So is what becomes of proofs that rest on wrong labels (bench/wrong_proofs.py).
"""

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.figures import Figure, print_figures
from bench.growth_steps import judge_steps, measure_steps, print_steps
from bench.made_answers import Floats, MadeAnswers, squash
from bench.promotion_world import Errors
from bench.wrong_proofs import judge_wrong_proofs, measure_wrong_proofs, print_wrong_proofs
from router.promotion.clustered import STANDARD
from router.promotion.comparison import HeldOut
from router.promotion.gate import GateVerdict, Rival, judge_at_gate
from router.promotion.gate_spending import MOST_HORIZON, take_look
from router.promotion.rivals import Foreseen
from worker.gate import MOST_OUTCOMES

NIGHTS, LABELS_A_NIGHT, WINDOW_TASKS = 30, 500, 50
KEPT = 0.9  # of a challenger's errors' variance, by the next night's
LEVEL = 0.05
NULLS = {
    "equal but different": (Errors(shared=0.4, champion=0.6, challenger=0.6), 0.5),
    "slightly worse": (Errors(shared=0.4, champion=0.6, challenger=0.65), 0.3),
    "nearly the same": (Errors(shared=0.7, champion=0.1, challenger=0.1), 0.2),
}
POINT = Errors(shared=0.4, champion=0.6, challenger=0.39)  # worth .01 over all tasks, in bench/promotion_world.py
HALF = Errors(shared=0.4, champion=0.6, challenger=0.5)  # worth half of that
SEED = 11
STEPS, QUICK_STEPS = 200, 30  # of each kind at each size
PROOFS, QUICK_PROOFS = 500, 60  # of each kind, by wrong labels and by true ones


class Look(NamedTuple):
    """What the gate saw on one night."""

    labels: int  # since the champion learnt
    score: float  # how many standard deviations the challenger's log loss is lower
    is_objected_to: bool


Rule = Callable[[Sequence[Look]], int | None]  # the night of a promotion, from 1 on


def run_nights(errors: Errors, rng: np.random.Generator) -> list[Look]:
    """Every night's look at one champion, which serves on whatever is said."""
    tasks = NIGHTS * LABELS_A_NIGHT
    made = MadeAnswers(tasks, window_tasks=WINDOW_TASKS, rng=rng)
    shared = made.odds + made.draw(errors.shared)
    champion, wrong = squash(shared + made.draw(errors.champion)), made.draw(errors.challenger)
    looks = []
    for labels in range(LABELS_A_NIGHT, tasks + 1, LABELS_A_NIGHT):
        latest = slice(max(labels - MOST_OUTCOMES, 0), labels)
        challenger = squash(shared + wrong)[latest]
        looks.append(_look(made.correct[latest], challenger, champion[latest], made.window[latest], labels))
        wrong = KEPT**0.5 * wrong + (1 - KEPT) ** 0.5 * made.draw(errors.challenger)
    return looks


def _look(correct: Floats, challenger: Floats, champion: Floats, window: NDArray[np.int64], labels: int) -> Look:
    cost = np.ones(len(correct))
    rows = HeldOut(correct=correct, cost=cost, weight=cost, window=window)
    rivals = {Rival.CHAMPION: Foreseen(accuracy=champion, cost=cost)}
    report = judge_at_gate(rows, Foreseen(accuracy=challenger, cost=cost), rivals)
    score = -report.comparisons[Rival.CHAMPION].log_loss.score()
    return Look(labels, score, report.verdict is GateVerdict.REJECT)


def promote_afresh(looks: Sequence[Look]) -> int | None:
    """At 5 % each night, as if there were no other."""
    return _find_first(looks, [LEVEL] * len(looks))


def promote_by_number(looks: Sequence[Look]) -> int | None:
    """5 % in all, divided by the square of a look's number."""
    return _find_first(looks, [LEVEL * 6 / (math.pi * number) ** 2 for number in range(1, len(looks) + 1)])


def promote_by_labels(looks: Sequence[Look], *, learnt: int = MOST_HORIZON) -> int | None:
    """5 % in all, spent as labels come, on a champion that learnt from so many."""
    before = [0, *(look.labels for look in looks)]
    spent = [take_look(look.labels, looked_at=at, learnt=learnt) for look, at in zip(looks, before, strict=False)]
    return _find_first(looks, [look.proof_error for look in spent])


OURS = "5 % in all, by labels (ours)"
YOUNG = "  of champions of 500 labels"
RULES: dict[str, Rule] = {
    "5 % afresh each night": promote_afresh,
    "5 % in all, by number": promote_by_number,
    OURS: promote_by_labels,
    YOUNG: partial(promote_by_labels, learnt=500),
}


def _find_first(looks: Sequence[Look], errors: Sequence[float]) -> int | None:
    for number, (look, error) in enumerate(zip(looks, errors, strict=True), start=1):
        if not look.is_objected_to and error > 0 and look.score > STANDARD.inv_cdf(1 - error):
            return number
    return None


def measure(errors: Errors, *, champions: int, seed: int) -> dict[str, list[int | None]]:
    """For each rule the nights on which so many champions were replaced."""
    rng = np.random.default_rng(seed)
    seen = [run_nights(errors, rng) for _ in range(champions)]
    return {name: [rule(looks) for looks in seen] for name, rule in RULES.items()}


def _share(nights: Sequence[int | None]) -> float:
    return 100 * sum(night is not None for night in nights) / len(nights)


def _print(name: str, found: dict[str, list[int | None]]) -> None:
    print(f"\n{name}, {len(found[OURS])} champions over {NIGHTS} nights")
    for rule, nights in found.items():
        told = sorted(night for night in nights if night is not None)
        when = f", after {told[len(told) // 2]} nights in the median" if told else ""
        print(f"  {rule:<30} replaced {_share(nights):5.1f} %{when}")


def main() -> None:
    """Nulls, then challengers that are worth a point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer champions, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    nulls, better = (120, 40) if arguments.quick else (1000, 200)
    replaced: dict[str, list[int | None]] = {rule: [] for rule in RULES}
    for number, (name, (errors, part)) in enumerate(NULLS.items()):
        found = measure(errors, champions=round(nulls * part), seed=SEED + number)
        _print(name, found)
        for rule, nights in found.items():
            replaced[rule] += nights
    _print("no better, all together", replaced)
    point = measure(POINT, champions=better, seed=SEED + len(NULLS))
    _print("worth a point", point)
    _print("worth half a point", measure(HALF, champions=better, seed=SEED + len(NULLS) + 1))
    steps = measure_steps(STEPS if not arguments.quick else QUICK_STEPS)
    print_steps(steps)
    proofs = measure_wrong_proofs(PROOFS if not arguments.quick else QUICK_PROOFS)
    print_wrong_proofs(proofs)
    wrong, power = max(_share(replaced[rule]) for rule in (OURS, YOUNG)), _share(point[OURS])
    print_figures(
        [
            Figure("proven promotions of null challengers, in 30 nights", wrong, "%", "<= 5", wrong <= 5),
            Figure("champions replaced by what is worth a point, in 30 nights", power, "%", ">= 80", power >= 80),
            *judge_steps(steps),
            *judge_wrong_proofs(proofs),
        ],
        as_json=arguments.json,
    )


if __name__ == "__main__":
    main()
