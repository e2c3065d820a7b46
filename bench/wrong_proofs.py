"""Proofs that rest on wrong labels: which of such champions live answers take back, and how soon.

A challenger learnt from labels that were wrong about half of the tasks, whole windows of 50 at a time: some right
answers were said to be wrong there, or wrong ones right. It may have learnt more of that than was there, so that the
gate sees a miss of its own. 700 such labels prove it at the gate. What it then answers, the tasks that it thinks most
of, is labelled truly. Beside the product's rule stands the one without log loss: a miss beyond promise and slack alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_table import markdown
from bench.figures import Figure
from bench.growth_steps import CHAMPION, SHARED, SURELY, pick_given
from bench.made_answers import Floats, MadeAnswers, squash
from router.platt import log_odds_of
from router.promotion.comparison import HeldOut
from router.promotion.gate import GateVerdict, Rival, judge_at_gate
from router.promotion.rivals import Foreseen
from router.promotion.rollback import FIRST_LOOK, LiveOutcomes, LiveVerdict, check_live, find_look, promise
from router.scoring import list_log_losses
from worker.live_check import MOST_OUTCOMES

GATE_LABELS, WINDOW_TASKS = 700, 50
LIVE_TASKS = 4 * MOST_OUTCOMES
WRONG_WINDOWS = 0.5  # share
MOST_TRIES = 20  # at the gate
SEED = 41


class Kind(NamedTuple):
    """A kind of champion that was proven, or is taken for that."""

    told: float  # share of right answers that were said to be wrong; below 0: of wrong ones that were said to be right
    learnt: float  # what it makes of that
    own: float = 0.6  # log-odds of its own errors
    bias: float = 0.0  # log-odds, at the gate and live

    @property
    def is_wrong(self) -> bool:
        """Whether the labels at the gate were."""
        return self.told != 0


KINDS = {
    "2 of 10 right answers told wrong": Kind(0.2, 0.2),
    "4 of 10 right answers told wrong": Kind(0.4, 0.4),
    "4 of 10 right answers, taken for 5.5": Kind(0.4, 0.55),
    "6 of 10 right answers told wrong": Kind(0.6, 0.6),
    "4 of 10 wrong answers told right": Kind(-0.4, -0.4),
    "4 of 10 wrong answers, taken for 5.5": Kind(-0.4, -0.55),
    "true labels, worth a point": Kind(0, 0, own=0.39),
    "true labels, equal but different": Kind(0, 0),
    "true labels, more exact, predicts too little": Kind(0, 0, own=0.2, bias=-0.4),
    "true labels, more exact, predicts too much": Kind(0, 0, own=0.2, bias=0.4),
    "true labels, as exact, predicts too little": Kind(0, 0, own=0.5, bias=-0.25),
}


class Ending(NamedTuple):
    """What live answers made of one champion."""

    by_promise: int | None  # labels until it went for its misses alone; None: it would stay
    by_rule: int | None  # until it went
    excess: float  # log loss over that of the version before, on what it answered


Endings = dict[str, list[Ending]]


def measure_wrong_proofs(times: int) -> Endings:
    """So many champions of each kind, fewer where the gate proves few."""
    found: Endings = {}
    for number, (name, kind) in enumerate(KINDS.items()):
        rng = np.random.default_rng((SEED, number))
        promises = [_prove(kind, rng) for _ in range(times)]
        found[name] = [_serve(kind, promised, rng) for promised in promises if promised is not None]
    return found


def print_wrong_proofs(found: Endings) -> None:
    """A row for each kind."""
    heads = ("labels at the gate", "proven", "nats", "back for misses alone (labels)", "back (labels)")
    rows = [
        (
            name,
            str(len(endings)),
            f"{_average_excess(endings):+.3f}",
            _describe([ending.by_promise for ending in endings]),
            _describe([ending.by_rule for ending in endings]),
        )
        for name, endings in found.items()
    ]
    print(f"\nproven champions that live answers take back within {MOST_OUTCOMES:,} labels\n")
    print(markdown(heads, rows))


def judge_wrong_proofs(found: Endings) -> list[Figure]:
    """What is surely worse goes, and what is no worse stays."""
    worse = [own for name, own in found.items() if KINDS[name].is_wrong and _average_excess(own) >= SURELY]
    fine = [own for name, own in found.items() if not KINDS[name].is_wrong]
    before, back, wrongly = (
        _share_gone([ending.by_promise for own in worse for ending in own]),
        _share_gone([ending.by_rule for own in worse for ending in own]),
        _share_gone([ending.by_rule for own in fine for ending in own]),
    )
    return [
        Figure("proven by wrong labels, surely worse, back for misses alone", before, "%", "stated", True),
        Figure("proven by wrong labels, surely worse, taken back", back, "%", ">= 90", back >= 90),
        Figure("proven, no worse and taken back all the same", wrongly, "%", "<= 1", wrongly <= 1),
    ]


def _prove(kind: Kind, rng: np.random.Generator) -> tuple[float, ...] | None:
    """What the gate promises of one that it has proven; of true labels, of any."""
    for _ in range(MOST_TRIES):
        made = MadeAnswers(GATE_LABELS, window_tasks=WINDOW_TASKS, rng=rng)
        wrong = _pick_windows(made.window, rng)
        champion, challenger = _foresee(made, kind, wrong)
        said = (rng.random(GATE_LABELS) < _mislabel(squash(made.odds), kind.told * wrong)).astype(np.float64)
        alike = np.ones(GATE_LABELS)
        rows = HeldOut(correct=said, cost=alike, weight=alike, window=made.window)
        rivals = {Rival.CHAMPION: Foreseen(accuracy=champion, cost=alike)}
        report = judge_at_gate(rows, Foreseen(accuracy=challenger, cost=alike), rivals)
        if report.verdict is GateVerdict.PROVEN or not kind.is_wrong:
            return promise(said, challenger, alike)
    return None


def _serve(kind: Kind, promised: tuple[float, ...], rng: np.random.Generator) -> Ending:
    made = MadeAnswers(LIVE_TASKS, window_tasks=WINDOW_TASKS, rng=rng)
    earlier, own = _foresee(made, kind, _pick_windows(made.window, rng))
    given = pick_given(own, rng)[:MOST_OUTCOMES]
    ended: dict[LiveVerdict, int] = {}
    for look in range(find_look(len(given))):
        rows = given[: FIRST_LOOK << look]
        live = LiveOutcomes(
            correct=made.correct[rows],
            weight=np.ones(len(rows)),
            window=made.window[rows],
            champion=own[rows],
            earlier=earlier[rows],
        )
        check = check_live(live, promised=promised, looks_taken=look, is_proven=True)
        ended.setdefault(check.verdict, len(rows))
    by_promise = ended.get(LiveVerdict.ROLL_BACK)
    gone = [labels for labels in (by_promise, ended.get(LiveVerdict.WORSE)) if labels is not None]
    likely = squash(made.odds)[given]
    excess = list_log_losses(own[given], likely) - list_log_losses(earlier[given], likely)
    return Ending(by_promise, min(gone, default=None), float(excess.mean()))


def _foresee(made: MadeAnswers, kind: Kind, wrong: Floats) -> tuple[Floats, Floats]:
    """What the version before and the champion predict; tasks of windows that are `wrong` were learnt wrong."""
    shared = made.odds + made.draw(SHARED)
    odds = log_odds_of(_mislabel(squash(shared + made.draw(kind.own)), kind.learnt * wrong))
    return squash(shared + made.draw(CHAMPION)), squash(odds + kind.bias)


def _pick_windows(window: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """(tasks,) 1 in windows whose labels are wrong."""
    wrong: Floats = (rng.random(int(window[-1]) + 1) < WRONG_WINDOWS)[window].astype(np.float64)
    return wrong


def _mislabel(right: Floats, share: Floats) -> Floats:
    """Chances of being told right, where shares (n,) of right answers, or below 0 of wrong ones, are mistold."""
    told: Floats = np.where(share >= 0, right * (1 - share), 1 - (1 - right) * (1 + share))
    return told


def _average_excess(endings: Sequence[Ending]) -> float:
    return float(np.mean([ending.excess for ending in endings])) if endings else 0.0


def _share_gone(labels: Sequence[int | None]) -> float:
    return 100 * sum(own is not None for own in labels) / len(labels) if labels else 0.0


def _describe(labels: Sequence[int | None]) -> str:
    gone = [own for own in labels if own is not None]
    return f"{_share_gone(labels):.1f} %" + (f" ({np.median(gone):.0f})" if gone else "")
