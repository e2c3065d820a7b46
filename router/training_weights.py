"""How much each outcome counts in training: those of tasks that a router chose stand for those that it did not.

Inverse propensities (Horvitz and Thompson 1952), clipped (Ionides 2008) and normalised by their own sum (Hajek 1971).
What a clipped weight loses in bias it gains in noise; docs/decisions/0033-training-sets.md has what was measured.
"""

import numpy as np
from numpy.typing import NDArray

MOST_WEIGHT = 3.0  # of an outcome, beside one whose choice was certain

DoubleArray = NDArray[np.float64]


def weigh_outcomes(design: DoubleArray, propensity: DoubleArray) -> DoubleArray:
    """Weights (n,) of outcomes with these design weights (n,) and propensities (n,), NaN where nobody chose the task.

    Chosen outcomes together count as many as equally weighted ones would that say as much: a few that stand for many
    do not drown what was asked without a choice.
    """
    weight = np.array(design, dtype=np.float64)
    chosen = ~np.isnan(propensity)
    if chosen.any():
        inverse = np.minimum(1 / propensity[chosen], MOST_WEIGHT)
        weight[chosen] = inverse / inverse.sum() * count_effective(inverse)
    return weight


def count_effective(weight: DoubleArray) -> float:
    """How many equally weighted outcomes say as much as outcomes of these weights (n,) (Kish 1965)."""
    return float(weight.sum() ** 2 / np.square(weight).sum())
