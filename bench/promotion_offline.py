"""What can be said of a challenger without a trial: from a log of the champion's choices with a little exploration."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.promotion_world import COST, LABELS, PRICE, STRATEGIES, Tasks
from router.promotion.clustered import ClusteredMean, estimate_mean
from router.promotion.off_policy import LoggedChoices, weigh

EXPLORED = 0.01  # of the tasks get a strategy by chance


class OffLine(NamedTuple):
    """The challenger's gain over the champion, a task, by two estimates."""

    plain: ClusteredMean  # outcomes, weighted by inverse propensity
    doubly_robust: ClusteredMean  # predictions, corrected by the same outcomes


def estimate_off_line(tasks: Tasks, rng: np.random.Generator) -> OffLine:
    """From as many labels as a trial has, of tasks that the champion served with 1 % exploration."""
    n = min(LABELS, len(tasks.window))
    rows = np.sort(rng.choice(len(tasks.window), n, replace=False))
    champion, challenger = tasks.champion[rows], tasks.challenger[rows]
    drawn = np.where(rng.random(n) < EXPLORED, rng.integers(0, STRATEGIES, n), champion)
    propensity = np.full((n, STRATEGIES), EXPLORED / STRATEGIES)
    propensity[np.arange(n), champion] += 1 - EXPLORED
    accuracy, spending = tasks.accuracy[rows], tasks.spending[rows]
    correct = (rng.random(n) < accuracy[np.arange(n), drawn]).astype(np.float64)
    log = LoggedChoices(
        propensity=propensity,
        drawn=drawn,
        correct=correct,
        cost=spending[np.arange(n), drawn],
        window=tasks.window[rows],
    )
    nothing, model = np.zeros((n, STRATEGIES)), tasks.foreseen[rows] - PRICE * COST
    return OffLine(*(_estimate_gain(log, champion, challenger, model=each) for each in (nothing, model)))


def _estimate_gain(
    log: LoggedChoices, champion: NDArray[np.intp], challenger: NDArray[np.intp], *, model: NDArray[np.float64]
) -> ClusteredMean:
    each = np.arange(len(log.drawn))
    surprise = log.correct - log.cost - model[each, log.drawn]
    predicted = model[each, challenger] - model[each, champion]
    gains = predicted + (weigh(log, challenger) - weigh(log, champion)) * surprise
    return estimate_mean(gains, log.window)
