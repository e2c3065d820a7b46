"""How much strategies have still to teach, and how much accuracy that is worth."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

AT_FIRST = 200.0  # graded outcomes: what probes come to
POINTS_AT_FIRST = 1.0  # right answers given up in a hundred tasks, as predicted, while no strategy has more
POINTS_LATER = 0.1  # and when one has very many: what changes is still noticed


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
    """From 1 while no strategy has more outcomes than at first, towards 0.

    By the best known, which says for how long the pool has been learning. Not by those that have most to teach: they
    are never worth trying, stay so, and would keep all nights as dear as the first.
    """
    return min(1.0, 2 * float(need.min(initial=1.0)) ** 2) ** 3
