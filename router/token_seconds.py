"""Seconds per prompt token and per output token, fitted to measured waves of requests."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.errors import TariffError


class MeasuredWave(NamedTuple):
    """What an engine did from the first request to the last answer of a wave that kept it full."""

    requests: int
    prompt_tokens: int  # that it had to compute: without those in its cache
    output_tokens: int
    seconds: float


class TokenSeconds(NamedTuple):
    """A fair share of an engine's busy time for each token."""

    prompt: float
    output: float
    fit_error: float  # of a wave's predicted time, relative, root mean square


def fit_token_seconds(waves: Sequence[MeasuredWave]) -> TokenSeconds:
    """The least squares of relative errors over prices of at least 0: seconds = prompt * tokens + output * tokens.

    There is no constant term: whatever time the engine was busy for, the tokens of the wave share. TariffError when
    the waves do not tell the two kinds of token apart.
    """
    if not waves or min(wave.seconds for wave in waves) <= 0:
        raise TariffError("a wave took no time: there is nothing to price tokens by")
    counts = np.array([[wave.prompt_tokens, wave.output_tokens] for wave in waves], dtype=np.float64)
    shares = counts / np.array([[wave.seconds] for wave in waves])  # (waves, 2): tokens a second
    if np.linalg.matrix_rank(shares, tol=1e-6 * np.abs(shares).max()) < 2:
        raise TariffError("every wave has as many prompt tokens to an output token: their prices can not be told apart")
    prices = min(_list_candidates(shares), key=lambda prices: _relative_error(shares, prices))
    prompt, output = prices.tolist()
    return TokenSeconds(prompt, output, _relative_error(shares, prices))


def _list_candidates(shares: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """With two prices, the constrained optimum is the free one, or has one price at 0."""
    free = np.asarray(np.linalg.lstsq(shares, np.ones(len(shares)), rcond=None)[0], dtype=np.float64)
    alone = [float(column.sum() / (column @ column)) if column.any() else 0.0 for column in shares.T]
    edges = [np.array([alone[0], 0.0]), np.array([0.0, alone[1]])]
    return [free] if (free >= 0).all() else edges


def _relative_error(shares: NDArray[np.float64], prices: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((shares @ prices - 1) ** 2)))
