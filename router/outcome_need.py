"""How much strategies have still to teach, and how much accuracy that is worth."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

AT_FIRST = 200.0  # graded outcomes: what probes come to
POINTS_AT_FIRST = 1.0  # right answers given up in a hundred tasks, as predicted, while most strategies have no more
POINTS_LATER = 0.2  # and when they have very many: what changes is still noticed


def find_need(outcomes: ArrayLike) -> NDArray[np.float64]:
    """(strategies,) from 1 without graded outcomes towards 0, as a standard error falls with their number."""
    need: NDArray[np.float64] = np.sqrt(AT_FIRST / (AT_FIRST + np.asarray(outcomes, dtype=np.float64)))
    return need


def find_points(need: NDArray[np.float64]) -> float:
    """Accuracy points that exploring may give up, by how much there is still to learn."""
    return POINTS_LATER + (POINTS_AT_FIRST - POINTS_LATER) * _find_unknown(need)


def find_share(share: float, need: NDArray[np.float64]) -> float:
    """Of the share of the money that exploring may have, what is held back for it.

    Money that is held back costs accuracy where budgets are tight, whatever is done with it: it shrinks as points do.
    """
    return share * find_points(need) / POINTS_AT_FIRST


def _find_unknown(need: NDArray[np.float64]) -> float:
    """From 1 while the middle strategy has no more outcomes than at first, towards 0.

    Not by the one that has most to teach: that is one which is never worth trying, and stays so.
    """
    return min(1.0, 2 * float(np.median(need)) ** 2) ** 2 if len(need) else 0.0
