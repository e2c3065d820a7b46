"""A linear head as it is served."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

ACCURACY, LOG_TOKENS = 0, 1  # rows of a head's weight and bias


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearHead:
    """Accuracy and log(1 + output tokens) as weight . embedding + bias; a line leaves 0..1, its reader does not."""

    weight: FloatArray  # (2, d)
    bias: FloatArray  # (2,)
    log_tokens_limit: float  # the largest seen; a line can leave that too
    smearing: float  # true over predicted (1 + output tokens)

    def with_constant_accuracy(self, accuracy: float) -> "LinearHead":
        """The head with the same accuracy for every task."""
        weight, bias = self.weight.copy(), self.bias.copy()
        weight[ACCURACY], bias[ACCURACY] = 0.0, accuracy
        return replace(self, weight=weight, bias=bias)


def constant_linear(dimension: int, *, accuracy: float, log_tokens: float) -> LinearHead:
    """A head that says the same of every task."""
    return LinearHead(
        weight=np.zeros((2, dimension), dtype=np.float32),
        bias=np.array([accuracy, log_tokens], dtype=np.float32),
        log_tokens_limit=log_tokens,
        smearing=1.0,
    )
