"""Platt scaling, held near the identity when outcomes are few."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

NEWTON_STEPS = 20
PRIOR = np.array([50.0, 50.0])  # holds scale at 1 and offset at 0; weaker ones cost decisions (docs/log.md)
IDENTITY = np.array([1.0, 0.0])
CERTAINTY = 1e-6  # no probability is closer to 0 or 1 than this

Real = TypeVar("Real", np.float32, np.float64)
Scalars = float | NDArray[np.float32]


class PlattScaling(NamedTuple):
    """Calibrated log-odds = scale * log-odds + offset; as it stands, the identity."""

    scale: float = 1.0
    offset: float = 0.0


def fit_platt(
    probability: NDArray[np.float64], correct: NDArray[np.float64], weight: NDArray[np.float64]
) -> PlattScaling:
    """Penalised maximum likelihood on out-of-fold probabilities (Platt 1999, with a Gaussian prior at the identity)."""
    design = np.column_stack((log_odds_of(probability), np.ones_like(probability)))
    solution = IDENTITY.copy()
    for _ in range(NEWTON_STEPS):
        scaled = sigmoid(design @ solution)
        gradient = design.T @ (weight * (scaled - correct)) + PRIOR * (solution - IDENTITY)
        curvature = (design * (weight * scaled * (1 - scaled))[:, None]).T @ design + np.diag(PRIOR)
        solution -= np.linalg.solve(curvature, gradient)
    return PlattScaling(scale=float(solution[0]), offset=float(solution[1]))


def apply_platt(probability: NDArray[Real], scale: Scalars, offset: Scalars) -> NDArray[Real]:
    """Probabilities with their log-odds scaled and offset, strictly between 0 and 1."""
    return np.clip(sigmoid(scale * log_odds_of(probability) + offset), CERTAINTY, 1 - CERTAINTY)


def log_odds_of(probability: NDArray[Real]) -> NDArray[Real]:
    """The log-odds of probabilities, kept finite."""
    likely = np.clip(probability, CERTAINTY, 1 - CERTAINTY)
    return np.asarray(np.log(likely) - np.log1p(-likely))


def sigmoid(log_odds: NDArray[Real]) -> NDArray[Real]:
    """The probability of log-odds, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)))
