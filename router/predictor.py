"""CONCUR's predictor network for one strategy, several copies side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from router.blend import Shares

SMALLEST_SIZE = 1e-6  # of a vector of zeros, which says nothing


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """How one strategy's pair is built and trained; the same for every strategy."""

    projection: int = 16  # width of each task-specific representation
    hidden: int = 32  # hidden units of one member
    members: int = 4  # networks whose outputs are averaged in the served pair
    folds: int = 5  # cross-fitting folds behind early stopping, calibration and the reported log loss
    dropout: float = 0.5
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    batch_rows: int = 512
    max_steps: int = 200
    evaluate_every_steps: int = 5
    patience_steps: int = 30
    cluster_restarts: int = 8  # partitions of the training tasks whose means are averaged
    cluster_prior_outcomes: float = 4.0  # a cluster's mean is pulled to the overall mean by this many outcomes
    linear_penalty: float = 10.0  # of squared slopes on embeddings of length about 1
    far_penalty: float = 100.0  # of the line for tasks unlike all seen; a looser one carries differences too far
    network_share: float = 0.2  # of a prediction
    linear_share: float = 0.2  # what is left is the mean of the task's clusters
    minimum_tasks: int = 30  # outcomes of fewer distinct tasks than this make a constant pair
    minimum_minority: float = 5.0  # fewer rights (or wrongs) than this and the accuracy is a constant

    @property
    def shares(self) -> Shares:
        """How much each view of a task counts."""
        return Shares(self.network_share, self.linear_share)


class HiddenLayer(NamedTuple):
    """What every member does with a task: rectify weight x + bias."""

    weight: torch.Tensor  # (members, hidden, d)
    bias: torch.Tensor  # (members, hidden)


class MemberLinear(nn.Module):
    """One linear layer for each of several members."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(members, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, outputs))

    def forward(self, own: torch.Tensor) -> torch.Tensor:
        """Outputs (members, outputs) for each member's own vector (members, inputs)."""
        return (self.weight @ own[..., None])[..., 0] + self.bias

    def narrow(self, vector: torch.Tensor, *, size: float) -> None:
        """Read the number `size` from now on, and make of it what it made of the vector (inputs,)."""
        self.weight = nn.Parameter((self.weight.detach() @ vector / size)[..., None])  # (members, outputs, 1)


class DualLinear(nn.Module):
    """A linear layer over [universal; task-specific]: a vector beside a learned linear projection of it."""

    def __init__(self, config: PredictorConfig, *, members: int, dimension: int) -> None:
        super().__init__()
        self.universal = MemberLinear(members, dimension, config.hidden)
        self.projection = MemberLinear(members, dimension, config.projection)
        self.specific = MemberLinear(members, config.projection, config.hidden)

    def fold(self) -> HiddenLayer:
        """Both blocks as one: made once a step, it spares every row the projection."""
        weight = torch.baddbmm(self.universal.weight, self.specific.weight, self.projection.weight)
        return HiddenLayer(weight, self.universal.bias + self.specific(self.projection.bias))


class ConstantDualLinear(nn.Module):
    """A DualLinear that reads the same vector in every row: it reads one number, the sum of the vector's sizes.

    The gradient of a matrix that reads a constant is an outer product with it, and Adam divides every entry by its own
    size, which leaves the signs. What the layer makes of the vector then moves as one weight on that sum would: the
    two are equal but for Adam's epsilon, and d times fewer numbers are learnt.
    """

    def __init__(self, config: PredictorConfig, vector: torch.Tensor, *, members: int) -> None:
        super().__init__()
        self.layer = DualLinear(config, members=members, dimension=len(vector))  # starts where it would have
        self.size = max(float(vector.abs().sum()), SMALLEST_SIZE)
        self.layer.universal.narrow(vector, size=self.size)
        self.layer.projection.narrow(vector, size=self.size)

    def forward(self) -> torch.Tensor:
        weight, bias = self.layer.fold()
        return weight[..., 0] * self.size + bias  # (members, hidden)


class ByteDropout(nn.Module):
    """Dropout whose mask takes one random byte a unit: torch's own draws cost more than all else in a step.

    The rate is rounded to 1/256.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.dropped = round(256 * rate)

    def forward(self, units: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return units
        words = torch.empty(-(-units.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.numpy().view(np.uint8)[: units.numel()] >= self.dropped
        mask = np.multiply(kept, 256 / (256 - self.dropped), dtype=np.float32)
        return units * torch.from_numpy(mask).view_as(units)


@dataclass(frozen=True, kw_only=True)
class StrategyVectors:
    """What the encoder makes of the strategy's two descriptions."""

    model: torch.Tensor  # (d,)
    decoding: torch.Tensor  # (d,)


class PredictorNetwork(nn.Module):
    """A two-layer network over the dual representations of task, model description and decoding description.

    Chen et al. 2026 (CONCUR, arXiv 2512.09386), section 3. The strategy's descriptions are the same in every row, so
    their share of the hidden layer is part of its bias.
    """

    def __init__(self, config: PredictorConfig, strategy: StrategyVectors, *, members: int, outputs: int) -> None:
        super().__init__()
        self.task = DualLinear(config, members=members, dimension=len(strategy.model))
        self.model = ConstantDualLinear(config, strategy.model, members=members)
        self.decoding = ConstantDualLinear(config, strategy.decoding, members=members)
        self.dropout = ByteDropout(config.dropout)
        self.output = MemberLinear(members, config.hidden, outputs)

    def forward(self, tasks: torch.Tensor) -> torch.Tensor:
        layer = self.hidden_layer()
        bias = layer.bias.flatten()[:, None]
        hidden = torch.addmm(bias, layer.weight.flatten(0, 1), tasks.T)  # (members * hidden, n)
        units = self.dropout(torch.relu(hidden)).view(*layer.bias.shape, len(tasks))  # (members, hidden, n)
        outputs = torch.baddbmm(self.output.bias[..., None], self.output.weight, units)  # (members, outputs, n)
        return outputs.permute(2, 0, 1)  # (n, members, outputs)

    def evaluate_members(self, tasks: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Without dropout, the outputs (n, outputs) of the first members, each on tasks (n, d) of its own."""
        layer, output = self.hidden_layer(), self.output
        hidden = [torch.relu(own @ weight.T + bias) for own, weight, bias in zip(tasks, *layer, strict=False)]
        return [
            units @ weight.T + bias for units, weight, bias in zip(hidden, output.weight, output.bias, strict=False)
        ]

    def hidden_layer(self) -> HiddenLayer:
        """The layer that reads the task; what the strategy's descriptions add is part of its bias."""
        weight, bias = self.task.fold()
        return HiddenLayer(weight, bias + self.model() + self.decoding())
