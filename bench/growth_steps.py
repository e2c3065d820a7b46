"""What steps of growth let in: challengers that serve by their labels alone, and which of them live answers take back.

A challenger that learnt from half as many labels again as its champion serves unless the gate finds it surely worse;
one of a fifth more, unless it seems worse. Here its true worth is known: both see the log-odds of an answer with errors
of a known size. The gate sees the labels that are new, in windows of 20. What serves then answers the tasks that it
thinks most of, so that it is overestimated there; its first 3,200 labelled answers are looked at as in a deployment.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_table import markdown
from bench.figures import Figure
from bench.made_answers import ABILITY, Floats, MadeAnswers, squash
from bench.promotion_world import Errors, measure_challenger
from router.promotion.comparison import HeldOut
from router.promotion.gate import GateVerdict, Rival, judge_at_gate
from router.promotion.growth import GROWN, GROWN_A_LITTLE, has_grown
from router.promotion.rivals import Foreseen
from router.promotion.rollback import FIRST_LOOK, LiveOutcomes, check_live, find_look, promise
from router.scoring import list_log_losses
from worker.live_check import MOST_OUTCOMES

WINDOW_TASKS = 20
SHARED, CHAMPION = 0.4, 0.6  # log-odds
CHALLENGERS = {  # log-odds of their own; with what is shared the champion's are .72
    "worth a point": 0.39,
    "equal but different": 0.6,
    "slightly worse": 0.65,
    "a quarter more wrong": 0.8,
    "half as wrong again": 1.0,
    "twice as wrong": 1.3,
    "2.5 times as wrong": 1.8,
    "3.5 times as wrong": 2.5,
}
LEARNT = (200, 450, 1000, 3400)  # labels of the champion
SIZES = {GROWN_A_LITTLE: "a fifth more labels", GROWN: "half as many again"}  # of a step
RIVALRY = 1.0  # log-odds by which what the other strategies promise differs from task to task
LIVE_TASKS = 2 * MOST_OUTCOMES  # about half of them are given to the strategy
TRUTH_TASKS = 200_000
SURELY, NO_WORSE = 0.04, 0.001  # nats: of excess log loss
SEED = 23


class Step(NamedTuple):
    """One challenger that had grown."""

    served: bool
    labels: int | None  # live ones, until it was taken back; None: it stays


class Steps(NamedTuple):
    """Many of one kind."""

    kind: str
    grown: float  # times the champion's labels
    learnt: int
    excess: float  # log loss over the champion's, in nats
    points: float  # lost over all tasks, if every strategy's predictor were as much worse
    steps: Sequence[Step]

    @property
    def served(self) -> list[Step]:
        """Those that the gate let in."""
        return [step for step in self.steps if step.served]

    @property
    def kept(self) -> list[Step]:
        """Those that live answers left there."""
        return [step for step in self.served if step.labels is None]


def measure_steps(times: int) -> list[Steps]:
    """So many challengers of each kind and growth, beside champions of each size."""
    found = []
    for number, (kind, error) in enumerate(CHALLENGERS.items()):
        excess = _measure_excess(error)
        lost = -100 * measure_challenger(Errors(shared=SHARED, champion=CHAMPION, challenger=error)).gain
        rng = np.random.default_rng((SEED, number))
        for grown, learnt in product(SIZES, LEARNT):
            steps = [_step(error, learnt, grown, rng) for _ in range(times)]
            found.append(Steps(kind, grown, learnt, excess, lost, steps))
    return found


def print_steps(found: Sequence[Steps]) -> None:
    """A table for each size of a step, a row for each kind: what served at first, what was taken back, and when."""
    heads = ("the challenger is", "nats", "points lost", *(f"champion of {learnt:,}" for learnt in LEARNT))
    for grown, size in SIZES.items():
        rows = []
        for kind in CHALLENGERS:
            own = [steps for steps in found if steps.kind == kind and steps.grown == grown]
            rows.append((kind, f"{own[0].excess:+.3f}", f"{own[0].points:+.2f}", *map(_describe, own)))
        print(f"\nsteps of {size}, {len(found[0].steps)} of each: let in; of those taken back (labels in the median)\n")
        print(markdown(heads, rows))


def judge_steps(found: Sequence[Steps]) -> list[Figure]:
    """What served that should not have, how much that lost, and what was done about it; each size of a step alone."""
    sizes = [[steps for steps in found if steps.grown == grown] for grown in SIZES]
    return [
        figure._replace(name=f"{figure.name}, {size}")
        for own, size in zip(sizes, SIZES.values(), strict=True)
        for figure in _judge_size(own)
    ]


def _judge_size(found: Sequence[Steps]) -> list[Figure]:
    worse = [steps for steps in found if steps.excess > NO_WORSE]
    surely = [steps for steps in found if steps.excess >= SURELY]
    fine = [steps for steps in found if steps.excess <= NO_WORSE]
    let_in = _share(sum(len(steps.served) for steps in surely), sum(len(steps.steps) for steps in surely))
    back = _share(sum(len(steps.served) - len(steps.kept) for steps in surely), sum(len(s.served) for s in surely))
    wrongly = _share(sum(len(steps.served) - len(steps.kept) for steps in fine), sum(len(s.served) for s in fine))
    lost, left = (_average_loss(worse, kept_only=kept_only) for kept_only in (False, True))
    return [
        Figure("growth steps that served something surely worse", let_in, "%", "stated", True),
        Figure("mean loss of what growth steps served that is worse", lost, "points", "stated", True),
        Figure("of these taken back by live answers", back, "%", ">= 90", back >= 90),
        Figure("mean loss of what stays that is worse", left, "points", "stated", True),
        Figure("no worse and taken back all the same", wrongly, "%", "<= 5", wrongly <= 5),
    ]


def _step(error: float, learnt: int, grown: float, rng: np.random.Generator) -> Step:
    seen = MadeAnswers(round((grown - 1) * learnt), window_tasks=WINDOW_TASKS, rng=rng)
    champion, challenger = _foresee(seen, error)
    cost = np.ones(len(seen.correct))
    rows = HeldOut(correct=seen.correct, cost=cost, weight=cost, window=seen.window)
    rivals = {Rival.CHAMPION: Foreseen(accuracy=champion, cost=cost)}
    report = judge_at_gate(rows, Foreseen(accuracy=challenger, cost=cost), rivals)
    labels = learnt + len(seen.correct)
    if report.verdict is GateVerdict.REJECT or not has_grown(report, labels=labels, champion_labels=learnt):
        return Step(served=False, labels=None)
    return Step(served=True, labels=_serve(error, promise(seen.correct, challenger, cost), rng))


def _serve(error: float, promised: tuple[float, ...], rng: np.random.Generator) -> int | None:
    """Live labels until the version before serves again."""
    made = MadeAnswers(LIVE_TASKS, window_tasks=WINDOW_TASKS, rng=rng)
    earlier, own = _foresee(made, error)
    given = pick_given(own, rng)
    for labels in (FIRST_LOOK << look for look in range(find_look(min(len(given), MOST_OUTCOMES)))):
        rows = given[:labels]
        live = LiveOutcomes(
            correct=made.correct[rows],
            weight=np.ones(labels),
            window=made.window[rows],
            champion=own[rows],
            earlier=earlier[rows],
        )
        if check_live(live, promised=promised, looks_taken=find_look(labels) - 1, is_proven=False).goes_back:
            return labels
    return None


def pick_given(foreseen: Floats, rng: np.random.Generator) -> NDArray[np.intp]:
    """The tasks that a version gets: those of which it promises more than the other strategies."""
    return np.flatnonzero(foreseen > squash(ABILITY + rng.normal(0, RIVALRY, len(foreseen))))


def _foresee(made: MadeAnswers, error: float) -> tuple[Floats, Floats]:
    """What champion and challenger predict."""
    shared = made.odds + made.draw(SHARED)
    return squash(shared + made.draw(CHAMPION)), squash(shared + made.draw(error))


def _measure_excess(error: float) -> float:
    made = MadeAnswers(TRUTH_TASKS, window_tasks=WINDOW_TASKS, rng=np.random.default_rng(SEED))
    champion, challenger = _foresee(made, error)
    likely = squash(made.odds)
    return float(np.mean(list_log_losses(challenger, likely) - list_log_losses(champion, likely)))


def _average_loss(found: Sequence[Steps], *, kept_only: bool) -> float:
    """In points, over all that served, or that stayed."""
    counts = [len(steps.kept if kept_only else steps.served) for steps in found]
    return float(np.average([steps.points for steps in found], weights=counts)) if any(counts) else 0.0


def _describe(steps: Steps) -> str:
    let_in = f"{_share(len(steps.served), len(steps.steps)):.0f} %"
    labels = [step.labels for step in steps.served if step.labels is not None]
    if not steps.served:
        return let_in
    when = f" ({np.median(labels):.0f})" if labels else ""
    return f"{let_in}; {_share(len(labels), len(steps.served)):.0f} %{when}"


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
