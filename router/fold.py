"""A trained pair folded into arrays: two-layer networks on the task embedding alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.blend import Shares
from router.clusters import ClusterMeans
from router.horizon import Horizon
from router.linear import LinearHead
from router.platt import PlattScaling
from router.threads import one_thread
from router.token_scaling import TokenScaling

if TYPE_CHECKING:  # serving needs no torch
    from router.predictor import HiddenLayer, MemberLinear, PredictorNetwork
    from router.trained import TrainedHead, TrainedPair

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedNetwork:
    """output = relu(x hidden_weight^T + hidden_bias) . output_weight + output_bias; zero hidden units: a constant."""

    hidden_weight: FloatArray  # (hidden, d)
    hidden_bias: FloatArray  # (hidden,)
    output_weight: FloatArray  # (hidden,)
    output_bias: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedPair:
    """One strategy's predictor as arrays, ready to serve."""

    accuracy: FoldedNetwork  # the log-odds of a right answer
    tokens: FoldedNetwork  # softplus of it is log(1 + output tokens)
    smearing: float  # true over predicted (1 + output tokens)
    linear: LinearHead
    clusters: ClusterMeans
    shares: Shares
    platt: PlattScaling  # of the blended accuracy
    horizon: Horizon  # of the calibrated accuracy
    token_scaling: TokenScaling  # of the blended output tokens

    @property
    def dimension(self) -> int:
        """Length of the task embeddings it reads."""
        return int(self.clusters.centroids.shape[2])


def fold_pair(trained: "TrainedPair") -> FoldedPair:
    """The same function as the trained pair (within 1e-5), every constant representation folded into the biases."""
    return FoldedPair(
        accuracy=_fold_head(trained.accuracy, trained),
        tokens=_fold_head(trained.tokens, trained),
        smearing=trained.smearing,
        clusters=trained.clusters,
        linear=trained.linear,
        shares=trained.shares,
        platt=trained.platt,
        horizon=trained.horizon,
        token_scaling=trained.token_scaling,
    )


class _Affine(NamedTuple):
    weight: DoubleArray  # (members, out, in)
    bias: DoubleArray  # (members, out)


def _fold_head(head: "TrainedHead", trained: "TrainedPair") -> FoldedNetwork:
    dimension = len(trained.center)
    if head.network is None:
        return FoldedNetwork(
            hidden_weight=np.zeros((0, dimension), dtype=np.float32),
            hidden_bias=np.zeros(0, dtype=np.float32),
            output_weight=np.zeros(0, dtype=np.float32),
            output_bias=head.constant,
        )
    served = slice(head.first_served, None)
    hidden = _fold_hidden(head.network, trained, served)
    output = _contrast(_affine(head.network.output, served))  # (members, 1, hidden), (members, 1)
    members = len(output.bias)
    return FoldedNetwork(
        hidden_weight=hidden.weight.reshape(-1, dimension).astype(np.float32),
        hidden_bias=hidden.bias.reshape(-1).astype(np.float32),
        output_weight=(output.weight.reshape(-1) / members).astype(np.float32),
        output_bias=float(output.bias.mean()),
    )


def _fold_hidden(network: "PredictorNetwork", trained: "TrainedPair", served: slice) -> _Affine:
    """Hidden layer of the raw embedding: standardisation goes into weight and bias."""
    with one_thread():
        layer = _affine(network.hidden_layer(), served)
    weight = layer.weight / trained.spread  # (members, hidden, d)
    return _Affine(weight, layer.bias - np.einsum("mhd,d->mh", weight, trained.center))


def _contrast(output: _Affine) -> _Affine:
    """Log-odds need only the second logit minus the first; a single output stays itself."""
    if output.bias.shape[1] == 1:
        return output
    return _Affine(output.weight[:, 1:] - output.weight[:, :1], output.bias[:, 1:] - output.bias[:, :1])


def _affine(layer: "HiddenLayer | MemberLinear", served: slice) -> _Affine:
    weight, bias = layer.weight.detach().numpy()[served], layer.bias.detach().numpy()[served]
    return _Affine(weight.astype(np.float64), bias.astype(np.float64))
