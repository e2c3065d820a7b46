"""Outcomes as tensors, embeddings and costs on a scale that networks like."""

from typing import NamedTuple

import numpy as np
import torch

from router.baselines.outcomes import Cells, FloatArray, Outcomes


class Rows(NamedTuple):
    """Outcomes of n tasks."""

    tasks: torch.Tensor  # (n, d)
    correct: torch.Tensor  # (n, strategies)
    cost: torch.Tensor  # (n, strategies), in multiples of the strategy's mean


def draw_batches(tasks: int, batch_tasks: int) -> tuple[torch.Tensor, ...]:
    """Row numbers of one epoch, shuffled, batch by batch."""
    return torch.split(torch.randperm(tasks), batch_tasks)


class Scale:
    """Standardises embeddings by the training tasks', and costs by each strategy's mean."""

    def __init__(self, train: Outcomes) -> None:
        self._center = train.embeddings.mean(axis=0)
        self._spread = float(np.sqrt(np.square(train.embeddings - self._center).mean())) or 1.0
        self.mean_cost = np.maximum(train.cost.mean(axis=0), np.finfo(np.float64).tiny)  # (strategies,)

    def rows(self, outcomes: Outcomes) -> Rows:
        """The outcomes as float32 tensors."""
        correct, cost = (
            torch.from_numpy(cells.astype(np.float32)) for cells in (outcomes.correct, outcomes.cost / self.mean_cost)
        )
        return Rows(self.tasks(outcomes.embeddings), correct, cost)

    def tasks(self, embeddings: FloatArray) -> torch.Tensor:
        """Standardised embeddings (m, d)."""
        return torch.from_numpy(((embeddings - self._center) / self._spread).astype(np.float32))

    def costs(self, multiples: torch.Tensor) -> Cells:
        """Costs (m, strategies) from multiples of the mean."""
        return np.asarray(multiples.numpy().astype(np.float64) * self.mean_cost)
