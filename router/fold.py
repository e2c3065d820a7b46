"""A trained pair folded into arrays: two-layer networks on the task embedding alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from router.training import TrainedPair

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FoldedNetwork:
    """output = output_weight . relu(hidden_weight x + hidden_bias) + output_bias."""

    hidden_weight: FloatArray  # (hidden, d)
    hidden_bias: FloatArray  # (hidden,)
    output_weight: FloatArray  # (hidden,)
    output_bias: float


@dataclass(frozen=True, kw_only=True)
class FoldedPair:
    """One strategy's predictor as arrays, ready to serve."""

    accuracy: FoldedNetwork  # gives the calibrated log-odds of a right answer
    tokens: FoldedNetwork  # softplus of it is log(1 + output tokens)
    smearing: float  # mean ratio of true to predicted (1 + output tokens), Duan 1983

    @property
    def dimension(self) -> int:
        """Length of the task embeddings it reads."""
        return int(self.accuracy.hidden_weight.shape[1])


def fold_pair(trained: "TrainedPair") -> FoldedPair:
    """The same function as the trained pair, with every constant representation folded into the biases."""
    raise NotImplementedError
