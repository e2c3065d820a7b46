"""How much each of a pair's three views of a task counts: network, linear model, cluster means."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", np.float32, np.float64)


class Shares(NamedTuple):
    """Parts of a prediction; what is left of 1 is the mean of the task's clusters."""

    network: float
    linear: float

    @property
    def clusters(self) -> float:
        """What is left."""
        return 1.0 - self.network - self.linear


def blend(shares: Shares, network: NDArray[Real], linear: NDArray[Real], near: NDArray[Real]) -> NDArray[Real]:
    """The weighted mean of the three views, of one shape."""
    return np.asarray(shares.network * network + shares.linear * linear + shares.clusters * near)
