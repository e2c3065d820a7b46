"""CONCUR's predictor network for one strategy, several copies side by side."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional


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
    patience_steps: int = 40
    cluster_restarts: int = 8  # partitions of the training tasks whose means are averaged
    cluster_prior_outcomes: float = 4.0  # a cluster's mean is pulled to the overall mean by this many outcomes
    network_share: float = 0.4  # the rest of a prediction is the mean of its clusters
    minimum_tasks: int = 30  # outcomes of fewer distinct tasks than this make a constant pair
    minimum_minority: float = 5.0  # fewer rights (or wrongs) than this and the accuracy is a constant


class MemberLinear(nn.Module):
    """One linear layer for each of several members that read different rows."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(members, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, outputs))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nmi,moi->nmo", rows, self.weight) + self.bias  # (n, members, outputs)


class SharedInputLinear(MemberLinear):
    """One linear layer for each of several members that read the same rows: a single matrix product."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        outputs = functional.linear(rows, self.weight.flatten(0, 1), self.bias.flatten())
        return outputs.view(len(rows), *self.bias.shape)  # (n, members, outputs)


class DualLinear(nn.Module):
    """A linear layer over [universal; task-specific]: a vector beside a learned linear projection of it.

    A matrix times a concatenation is the sum of its two blocks, which spares the copy.
    """

    def __init__(self, config: PredictorConfig, *, members: int, dimension: int) -> None:
        super().__init__()
        self.universal = SharedInputLinear(members, dimension, config.hidden)
        self.projection = SharedInputLinear(members, dimension, config.projection)
        self.specific = MemberLinear(members, config.projection, config.hidden)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.universal(rows) + self.specific(self.projection(rows))
        return hidden  # (n, members, hidden)


@dataclass(frozen=True, kw_only=True)
class StrategyVectors:
    """What the encoder makes of the strategy's two descriptions."""

    model: torch.Tensor  # (1, d)
    decoding: torch.Tensor  # (1, d)


class PredictorNetwork(nn.Module):
    """A two-layer network over the dual representations of task, model description and decoding description.

    Chen et al. 2026 (CONCUR, arXiv 2512.09386), section 3. The strategy's descriptions are the same in every row, so
    their share of the hidden layer is computed once and broadcast.
    """

    def __init__(self, config: PredictorConfig, *, members: int, dimension: int, outputs: int) -> None:
        super().__init__()
        self.task = DualLinear(config, members=members, dimension=dimension)
        self.model = DualLinear(config, members=members, dimension=dimension)
        self.decoding = DualLinear(config, members=members, dimension=dimension)
        self.dropout = nn.Dropout(config.dropout)
        self.output = MemberLinear(members, config.hidden, outputs)

    def forward(self, tasks: torch.Tensor, strategy: StrategyVectors) -> torch.Tensor:
        hidden = self.task(tasks) + self.model(strategy.model) + self.decoding(strategy.decoding)  # (n, members, h)
        outputs: torch.Tensor = self.output(self.dropout(torch.relu(hidden)))
        return outputs  # (n, members, outputs)
