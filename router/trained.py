"""A trained pair before folding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.blend import Shares
from router.clusters import ClusterMeans
from router.figures import TrainingFigures
from router.held_out import OutOfFold
from router.horizon import Horizon
from router.linear import LinearHead
from router.platt import PlattScaling
from router.predictor import PredictorNetwork
from router.token_scaling import TokenScaling

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedHead:
    """The mean output of a network's served members, or a constant where there is no network."""

    network: PredictorNetwork | None
    first_served: int = 0  # members before it exist for cross-fitting only
    constant: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedPair:
    """One strategy's networks, what standardises their input, its linear head and its cluster means."""

    center: FloatArray  # (d,), subtracted from a task embedding
    spread: float  # what the difference is divided by
    accuracy: TrainedHead  # log-odds of a right answer: second logit minus first
    tokens: TrainedHead  # softplus of it is log(1 + output tokens)
    smearing: float
    linear: LinearHead
    clusters: ClusterMeans
    shares: Shares
    platt: PlattScaling  # of the blended accuracy
    horizon: Horizon  # of the calibrated accuracy
    token_scaling: TokenScaling  # of the blended output tokens
    figures: TrainingFigures
    held_out: OutOfFold
