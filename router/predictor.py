"""CONCUR's predictor pair: one network for accuracy and one for output tokens, for one strategy."""

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """How one strategy's pair is built and trained; the same for every strategy."""

    projection: int = 32  # width of each task-specific representation
    hidden: int = 32  # hidden units of one member
    members: int = 4  # networks whose log-odds are averaged in the served pair
    folds: int = 5  # cross-fitting folds behind early stopping, calibration and the reported log loss
    dropout: float = 0.2
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    max_epochs: int = 200
    evaluate_every_epochs: int = 5
    minimum_outcomes: int = 30  # fewer than this and the pair is a constant
    minimum_minority: int = 5  # fewer rights (or wrongs) than this and the accuracy is a constant


class MemberLinear(nn.Module):
    """One linear layer for each of several members, applied in one batched product."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(members, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, outputs).uniform_(-bound, bound))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias[:, None, :], rows, self.weight.transpose(1, 2))  # (members, n, outputs)


class PredictorNetwork(nn.Module):
    """A two-layer network over the universal and task-specific representations of task, model and decoding method.

    Chen et al. 2026 (CONCUR, arXiv 2512.09386), section 3; here every layer carries `members` copies side by side.
    """

    def __init__(self, config: PredictorConfig, *, members: int, dimension: int, outputs: int) -> None:
        super().__init__()
        self.specific = nn.ModuleList(MemberLinear(members, dimension, config.projection) for _ in range(3))
        self.hidden = MemberLinear(members, 3 * (dimension + config.projection), config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.output = MemberLinear(members, config.hidden, outputs)

    def forward(self, inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Outputs (members, n, outputs) for task (n, d), model (d,) and decoding (d,) vectors."""
        members, tasks = self.output.bias.shape[0], inputs[0].shape[0]
        parts: list[torch.Tensor] = []
        for universal, specific in zip(inputs, self.specific, strict=True):
            rows = universal.expand(members, tasks, universal.shape[-1])  # (members, n, d)
            parts += [rows, specific(rows)]  # (members, n, d), (members, n, projection)
        hidden: torch.Tensor = self.dropout(torch.relu(self.hidden(torch.cat(parts, dim=2))))  # (members, n, hidden)
        outputs: torch.Tensor = self.output(hidden)
        return outputs
