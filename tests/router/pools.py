"""Small allocation problems, drawn by Hypothesis, of which every choice can be tried."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Cells = NDArray[np.float64]


class Pool(NamedTuple):
    """Small enough to try everything; whole numbers times a power of two, so that sums are exact in any order."""

    accuracy: Cells
    cost: Cells

    def totals(self) -> tuple[Cells, Cells]:
        """Accuracy and cost of every allowed choice."""
        tasks, strategies = self.accuracy.shape
        choices = np.array(list(itertools.product(range(strategies), repeat=tasks)))
        accuracies = self.accuracy[np.arange(tasks), choices].sum(axis=1)
        costs = self.cost[np.arange(tasks), choices].sum(axis=1)
        allowed = np.isfinite(accuracies) & np.isfinite(costs)
        return accuracies[allowed], costs[allowed]


@st.composite
def make_pools(draw: st.DrawFn, most_tasks: int = 8) -> Pool:
    """Ties, zero costs, duplicate columns, forbidden cells, and costs from 1e-9 to 1e13."""
    tasks = draw(st.integers(1, most_tasks))
    strategies = draw(st.integers(1, 3 if tasks > 5 else 4))
    cells = tasks * strategies
    accuracy = np.array(draw(st.lists(st.integers(0, 40), min_size=cells, max_size=cells)), float) / 32
    cost = np.array(draw(st.lists(st.integers(0, 60), min_size=cells, max_size=cells)), float)
    cost *= draw(st.sampled_from([2.0**-30, 1.0, 2.0**43]))
    accuracy += draw(st.sampled_from([0.0, 64.0]))  # differences of everything, and of a thousandth
    accuracy, cost = accuracy.reshape(tasks, strategies), cost.reshape(tasks, strategies)
    if draw(st.booleans()):
        accuracy, cost = np.hstack([accuracy, accuracy[:, :1]]), np.hstack([cost, cost[:, :1]])
    for task in draw(st.sets(st.integers(0, tasks - 1))):
        kept = draw(st.integers(0, strategies - 1))
        forbidden = np.arange(accuracy.shape[1]) != kept
        (accuracy if draw(st.booleans()) else cost)[task, forbidden] = draw(st.sampled_from([math.nan, math.inf]))
    return Pool(accuracy, cost)
