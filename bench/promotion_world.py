"""A made deployment in which a challenger's true worth is known: what a trial of it would see, night after night.

Tasks come in windows with a topic of their own. Champion and challenger foresee each strategy's log-odds with an error
that is partly shared, partly the topic's and partly the task's; both choose by accuracy less price times cost.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.promotion.trial import TrialRows

STRATEGIES = 4
ABILITY = np.array([-0.6, 0.1, 0.6, 1.1])  # log-odds of being right
COST = np.array([1.0, 2.5, 5.0, 9.0])
PRICE = 0.02  # right answers for a unit of cost: the dearest strategy has to be worth .16 more than the cheapest
WINDOW_TASKS = 500
TOPIC, DIFFICULTY, SKILL = 0.5, 1.2, 1.4  # log-odds: between windows, between tasks, of a strategy at a task
TOPIC_SHARE = 0.3  # of an error's variance: alike in a window
COST_SPREAD = 0.4  # of a cost's logarithm
CHUNK_WINDOWS = 40
MEASURED_WINDOWS = 800
LABELS, NIGHTS = 5000, 10
ROOM = 1.04  # windows for so many more labels, that there be enough
MOST_WINDOWS = 60  # where disagreements are rare a trial ends with fewer labels
BISECTIONS = 8
SEED = 7

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Errors:
    """How wrong champion and challenger are, in log-odds."""

    shared: float  # what both get wrong alike
    champion: float
    challenger: float


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """Errors, and what comes of them."""

    errors: Errors
    gain: float  # worth a task, over all tasks
    disagreement: float  # share of tasks on which the two choose differently


class Tasks(NamedTuple):
    """Some windows' tasks, with what both predictors would do."""

    accuracy: Floats  # (n, strategies), true
    spending: Floats  # (n, strategies) true cost, in right answers
    champion: NDArray[np.intp]  # (n,) chosen strategies
    challenger: NDArray[np.intp]
    expected: Floats  # (n,) worth of both choices as the champion predicts it, the mean
    foreseen: Floats  # (n, strategies) accuracy, as the champion predicts it
    window: NDArray[np.int64]

    @property
    def gain(self) -> Floats:
        """(n,) true worth of the challenger's choice less that of the champion's."""
        worth, rows = self.accuracy - self.spending, np.arange(len(self.window))
        return np.asarray(worth[rows, self.challenger] - worth[rows, self.champion])


class Seen(NamedTuple):
    """A trial as it happened: its tasks in the order of their labels."""

    rows: TrialRows
    night: NDArray[np.int64]
    disagreement: float
    tasks: Tasks  # all of them


def make_tasks(errors: Errors, *, windows: int, rng: np.random.Generator) -> Tasks:
    """So many windows of tasks."""
    tasks = windows * WINDOW_TASKS
    window = np.repeat(np.arange(windows), WINDOW_TASKS)

    def draw(spread: float) -> Floats:
        topic = rng.normal(0, spread * TOPIC_SHARE**0.5, (windows, STRATEGIES))[window]
        return np.asarray(topic + rng.normal(0, spread * (1 - TOPIC_SHARE) ** 0.5, (tasks, STRATEGIES)))

    hard = rng.normal(0, TOPIC, windows)[window] + rng.normal(0, DIFFICULTY, tasks)
    odds = ABILITY - hard[:, None] + draw(SKILL)
    shared = odds + draw(errors.shared)
    foreseen, theirs = (_squash(shared + draw(own)) for own in (errors.champion, errors.challenger))
    planned = PRICE * COST
    worth = foreseen - planned
    champion, challenger = worth.argmax(axis=1), (theirs - planned).argmax(axis=1)
    rows = np.arange(tasks)
    return Tasks(
        accuracy=_squash(odds),
        spending=planned * rng.lognormal(-(COST_SPREAD**2) / 2, COST_SPREAD, (tasks, STRATEGIES)),
        champion=champion,
        challenger=challenger,
        expected=(worth[rows, champion] + worth[rows, challenger]) / 2,
        foreseen=foreseen,
        window=window,
    )


def run_trial(challenger: Challenger, *, rng: np.random.Generator) -> Seen:
    """Every disagreement goes to either side by lot and is labelled, up to LABELS of them or the last night."""
    windows = min(math.ceil(ROOM * LABELS / challenger.disagreement / WINDOW_TASKS), MOST_WINDOWS)
    tasks = make_tasks(challenger.errors, windows=windows, rng=rng)
    apart = np.flatnonzero(tasks.champion != tasks.challenger)[:LABELS]
    challenged = rng.random(len(apart)) < 0.5
    given = np.where(challenged, tasks.challenger[apart], tasks.champion[apart])
    rows = TrialRows(
        challenged=challenged,
        correct=(rng.random(len(apart)) < tasks.accuracy[apart, given]).astype(np.float64),
        spent=tasks.spending[apart, given],
        expected=tasks.expected[apart],
        window=tasks.window[apart],
    )
    disagreement = float((tasks.champion != tasks.challenger).mean())
    return Seen(rows, rows.window * NIGHTS // windows, disagreement, tasks)


def measure_challenger(errors: Errors) -> Challenger:
    """The challenger with its true gain, from far more tasks than a trial has."""
    rng = np.random.default_rng(SEED)
    parts = [make_tasks(errors, windows=CHUNK_WINDOWS, rng=rng) for _ in range(MEASURED_WINDOWS // CHUNK_WINDOWS)]
    return Challenger(
        errors=errors,
        gain=float(np.mean([part.gain.mean() for part in parts])),
        disagreement=float(np.mean([(part.champion != part.challenger).mean() for part in parts])),
    )


def find_challenger(gain: float, *, shared: float, champion: float) -> Challenger:
    """The challenger whose true gain over all tasks is this, by bisection on how wrong it is."""
    least, most = 0.0, 2 * champion
    found = measure_challenger(Errors(shared=shared, champion=champion, challenger=champion))
    for _ in range(BISECTIONS):
        found = measure_challenger(Errors(shared=shared, champion=champion, challenger=(least + most) / 2))
        least, most = (found.errors.challenger, most) if found.gain > gain else (least, found.errors.challenger)
    return found


def _squash(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds)))
