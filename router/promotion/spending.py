"""How surprising a trial must look at each of its looks, so that all looks together err no more often than stated."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from router.promotion.clustered import STANDARD

GRID = 240  # points of the density of scores; boundaries are then within .001 of the published ones
REACH = 8.0  # standard deviations: what is further out has a chance below 1e-15
NOTHING = 1e-10  # a look with less error to spend than this decides nothing

Floats = NDArray[np.float64]


def spend_obrien_fleming(fraction: float, *, alpha: float) -> float:
    """The chance of error that may be used up once this fraction of the information is there: next to none early on.

    Lan and DeMets 1983, in the manner of O'Brien and Fleming; one-sided.
    """
    if fraction <= 0:
        return 0.0
    return 2 * STANDARD.cdf(STANDARD.inv_cdf(alpha / 2) / math.sqrt(min(fraction, 1.0)))


@lru_cache(maxsize=1024)
def find_boundary(fractions: tuple[float, ...], *, alpha: float) -> float:
    """The score that the last of these looks has to reach, given that none before it reached its own.

    `fractions` are the shares of the planned information at every look so far, ascending; infinite where nothing may
    be decided yet. The score of a look at t is a Brownian motion at t over sqrt(t), whose density over the paths that
    went on is carried from look to look (Armitage, McPherson and Rowe 1969).
    """
    boundary, spent, before = math.inf, 0.0, 0.0
    place, mass = np.zeros(1), np.ones(1)  # of the motion, and the chance of each place
    for fraction in fractions:
        owed = spend_obrien_fleming(fraction, alpha=alpha)
        boundary = _find_quantile(place, mass, step=fraction - before, above=owed - spent) / math.sqrt(fraction)
        place, mass = _go_on(place, mass, fraction=fraction, step=fraction - before, boundary=boundary)
        before = fraction
        spent = owed if math.isfinite(boundary) else spent
    return boundary


def _find_quantile(place: Floats, mass: Floats, *, step: float, above: float) -> float:
    """Where the motion will be past with the chance `above`, after another `step`."""
    if above < NOTHING:
        return math.inf
    reach = REACH * math.sqrt(step)
    ends = np.linspace(place[0] - reach, place[-1] + reach, GRID)
    density = _spread(place, mass, ends, step=step)
    spacing = ends[1] - ends[0]
    beyond = np.cumsum((density[:0:-1] + density[-2::-1]) / 2 * spacing)  # past ends[-2], ends[-3], ...
    # The chance falls like a normal's tail, so that its logarithm is what can be interpolated.
    return float(np.interp(math.log(above), np.log(np.maximum(beyond, 1e-300)), ends[-2::-1]))


def _go_on(place: Floats, mass: Floats, *, fraction: float, step: float, boundary: float) -> tuple[Floats, Floats]:
    """Places below the boundary with their chances, after another `step`."""
    root = math.sqrt(fraction)
    ends = np.linspace(-REACH * root, min(boundary, REACH) * root, GRID)
    density = _spread(place, mass, ends, step=step)
    weights = np.full(GRID, ends[1] - ends[0])
    weights[[0, -1]] /= 2
    return ends, density * weights


def _spread(place: Floats, mass: Floats, ends: Floats, *, step: float) -> Floats:
    distance = (ends[:, None] - place) / math.sqrt(step)
    density: Floats = np.exp(-0.5 * distance**2) @ mass / math.sqrt(2 * math.pi * step)
    return density
