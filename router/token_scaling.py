"""How far apart predicted output tokens should lie: a power and a factor, fitted on rows that were not trained on.

A mean of shrunken predictions is too close to the mean of all: what it calls cheap is cheaper still. The allocator
picks just that, and would keep back money that it could spend.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

NEWTON_STEPS = 20
PRIOR = 10.0  # holds the scale at 1, in units of a mean outcome's information; 2 to 50 make no difference (docs/log.md)
FREE = 1e-6  # of the prior on the factor: totals come out right
LONGEST_STEP = 1.0  # of Newton's method, which starts well

Real = TypeVar("Real", np.float32, np.float64)
Scalars = float | NDArray[np.float32]


class TokenScaling(NamedTuple):
    """log(1 + expected tokens) = scale * log(1 + predicted tokens) + offset; as it stands, the identity."""

    scale: float = 1.0
    offset: float = 0.0


def fit_token_scaling(
    predicted: NDArray[np.float64], tokens: NDArray[np.float64], weight: NDArray[np.float64]
) -> TokenScaling:
    """Poisson quasi-likelihood with a log link (Wedderburn 1974) on out-of-fold predictions: totals stay right."""
    outcome, logs = 1 + tokens, np.log1p(predicted)
    center = float(np.average(logs, weights=weight * outcome))
    design = np.column_stack((logs - center, np.ones_like(logs)))
    start, prior = np.array([1.0, center]), np.array([PRIOR, FREE])
    shares = weight / np.average(outcome, weights=weight)
    solution = start.copy()
    for _ in range(NEWTON_STEPS):
        expected = np.exp(design @ solution)
        gradient = design.T @ (shares * (expected - outcome)) + prior * (solution - start)
        curvature = (design * (shares * expected)[:, np.newaxis]).T @ design + np.diag(prior)
        solution -= np.clip(np.linalg.solve(curvature, gradient), -LONGEST_STEP, LONGEST_STEP)
    return TokenScaling(scale=float(solution[0]), offset=float(solution[1] - solution[0] * center))


def scale_tokens(tokens: NDArray[Real], scale: Scalars, offset: Scalars, *, log_limit: Scalars) -> NDArray[Real]:
    """Expected output tokens; log(1 + them) is at most the limit, since a power runs away."""
    return np.asarray(np.expm1(np.clip(scale * np.log1p(tokens) + offset, 0, log_limit)))
