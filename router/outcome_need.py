"""How much strategies have still to teach, and how much accuracy that is worth."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

HALF_KNOWN = 200.0  # graded outcomes after which a strategy has half as much to teach as at first
POINTS_AT_FIRST = 0.8  # right answers given up in a hundred tasks while some strategy has no outcomes
POINTS_LATER = 0.1  # and when all have very many: what changes is still noticed


def find_need(outcomes: ArrayLike) -> NDArray[np.float64]:
    """(strategies,) from 1 without graded outcomes towards 0, as what they say together gets surer."""
    need: NDArray[np.float64] = HALF_KNOWN / (HALF_KNOWN + np.asarray(outcomes, dtype=np.float64))
    return need


def find_points(need: NDArray[np.float64]) -> float:
    """Accuracy points that exploring may give up, by the strategy that has most to teach."""
    return POINTS_LATER + (POINTS_AT_FIRST - POINTS_LATER) * float(need.max(initial=0.0)) ** 2
