"""Strategies and tasks as vectors whose product says whether the answer is right, one model for all strategies.

Zhuang et al. 2024 (EmbedLLM, arXiv 2410.02223), section 4: 232 dimensions, strategy vectors of unit length, a linear
map of the task's embedding with noise of 0.05, a linear classifier on the elementwise product.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from router.baselines.early_stopping import Schedule, train_network
from router.baselines.outcomes import Estimates, Outcomes, Predict, Tasks, join
from router.baselines.ridge_costs import RidgeCosts

DIMENSIONS, NOISE = 232, 0.05
# The paper's rate of 3e-4 suits its three million outcomes; from a few thousand it does not even learn the means.
SCHEDULE = Schedule(learning_rate=3e-3, batch_tasks=32, epochs=200)


class Factorisation(nn.Module):
    """Log-odds of a right answer (m, strategies) for task embeddings (m, d)."""

    def __init__(self, *, strategies: int, dimension: int) -> None:
        super().__init__()
        self.strategies = nn.Parameter(torch.randn(strategies, DIMENSIONS))
        self.projection = nn.Linear(dimension, DIMENSIONS)
        self.classifier = nn.Linear(DIMENSIONS, 1)

    def forward(self, tasks: torch.Tensor) -> torch.Tensor:
        if self.training:
            tasks = tasks + NOISE * torch.randn_like(tasks)
        product = self.projection(tasks)[:, None] * functional.normalize(self.strategies, dim=1)
        log_odds: torch.Tensor = self.classifier(product)[..., 0]  # (m, strategies)
        return log_odds


def fit_matrix_factorisation(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """Early stopping on the validation outcomes. The method has no cost model: costs are a ridge regression."""
    costs = RidgeCosts(join(train, validation))
    tasks, held_out_tasks = torch.from_numpy(train.embeddings), torch.from_numpy(validation.embeddings)
    correct, held_out_correct = (torch.from_numpy(o.correct.astype(np.float32)) for o in (train, validation))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Factorisation(strategies=train.correct.shape[1], dimension=train.embeddings.shape[1])
        train_network(
            network,
            lambda batch: functional.binary_cross_entropy_with_logits(network(tasks[batch]), correct[batch]),
            tasks=len(tasks),
            validation_loss=lambda: functional.binary_cross_entropy_with_logits(
                network(held_out_tasks), held_out_correct
            ),
            schedule=SCHEDULE,
        )

    @torch.no_grad()
    def predict(asked: Tasks) -> Estimates:
        accuracy = torch.sigmoid(network(torch.from_numpy(asked.embeddings))).numpy().astype("float64")
        return Estimates(accuracy, costs.predict(asked.embeddings))

    return predict
