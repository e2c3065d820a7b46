"""Bets against "the mean outcome is at least so much": money that grows only where that is false.

Each bet multiplies a stake by a factor whose mean is at most 1 as long as the claim holds, whatever was before
(Waudby-Smith and Ramdas 2024, arXiv 2010.09686). Several bets are made at once, each best against another size of
change.
"""

from collections.abc import Callable, Sequence

Bets = Callable[[float, float], Sequence[float]]  # factors for a bound and what was observed

FALLS = (0.1, 0.2, 0.4)  # in accuracy; each of these is noticed as soon as can be, and what lies between nearly so
LEAST_LEFT = 0.2  # of a low accuracy, a fall takes no more than leaves this share
MOST_CERTAIN = 0.98  # no higher accuracy is claimed
STAKES = (0.05, 0.15, 0.4)  # on costs, whose distribution nobody knows
DEAREST = 10.0  # times the bound: what an answer costs beyond it is not counted


def bet_on_falls(floor: float, observed: float) -> list[float]:
    """Factors that grow where accuracies lie below the floor.

    Likelihood ratios of a lower accuracy: as they are linear in the outcome, it may be a fraction. Below 0 nothing can
    lie, so nothing is staked on it.
    """
    if floor <= 0:
        return [1.0] * len(FALLS)
    least = min(floor, MOST_CERTAIN)
    factors = []
    for fall in FALLS:
        left = max(1 - fall / least, LEAST_LEFT)
        factors.append(observed * left + (1 - observed) * (1 - left * least) / (1 - least))
    return factors


def bet_on_rises(ceiling: float, observed: float) -> list[float]:
    """Factors that grow where amounts, none below 0, lie above the ceiling."""
    times = min(observed / ceiling, DEAREST)
    return [1 - stake + stake * times for stake in STAKES]
