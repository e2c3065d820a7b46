"""One network for accuracy and cost of all strategies, each of which has a learned vector.

Pan et al. 2025 (Route to Reason, arXiv 2505.19435): representations of task and strategy are learned together and read
by one accuracy and one cost head. A new strategy means training all of it again.
"""

import torch
from torch import nn
from torch.nn import functional

from router.baselines.early_stopping import Schedule, train_network
from router.baselines.outcomes import Estimates, Outcomes, Predict, Tasks
from router.baselines.tensors import Rows, Scale

WIDTH, HIDDEN, DROPOUT = 64, 256, 0.3
SCHEDULE = Schedule(learning_rate=1e-3, weight_decay=0.01, batch_tasks=64)


class JointNetwork(nn.Module):
    """Log-odds of a right answer and log of the cost, (2, m, strategies), for task embeddings (m, d)."""

    def __init__(self, *, strategies: int, dimension: int) -> None:
        super().__init__()
        self.strategies = nn.Parameter(torch.randn(strategies, WIDTH))
        self.task_layer = nn.Linear(dimension, HIDDEN)
        self.strategy_layer = nn.Linear(WIDTH, HIDDEN)
        self.middle = nn.Linear(HIDDEN, HIDDEN)
        self.heads = nn.Linear(HIDDEN, 2)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, tasks: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(
            self.task_layer(tasks)[:, None] + self.strategy_layer(self.strategies)
        )  # (m, strategies, h)
        outputs: torch.Tensor = self.heads(self.dropout(torch.relu(self.middle(self.dropout(hidden)))))
        return outputs.movedim(-1, 0)


def joint_loss(outputs: torch.Tensor, rows: Rows, batch: torch.Tensor | slice) -> torch.Tensor:
    """Cross entropy of correctness plus squared error of log(1 + cost)."""
    accuracy = functional.binary_cross_entropy_with_logits(outputs[0], rows.correct[batch])
    return accuracy + functional.mse_loss(functional.softplus(outputs[1]), torch.log1p(rows.cost[batch]))


def fit_joint_network(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """Early stopping on the validation outcomes."""
    scale = Scale(train)
    rows, held_out = scale.rows(train), scale.rows(validation)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = JointNetwork(strategies=train.correct.shape[1], dimension=train.embeddings.shape[1])
        train_network(
            network,
            lambda batch: joint_loss(network(rows.tasks[batch]), rows, batch),
            tasks=len(rows.tasks),
            validation_loss=lambda: joint_loss(network(held_out.tasks), held_out, slice(None)),
            schedule=SCHEDULE,
        )

    @torch.no_grad()
    def evaluate(inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = network(inputs)
        return torch.sigmoid(outputs[0]), torch.expm1(functional.softplus(outputs[1]))

    smearing = rows.cost.mean(dim=0) / evaluate(rows.tasks)[1].mean(dim=0)  # Duan 1983: totals are right

    def predict(tasks: Tasks) -> Estimates:
        accuracy, multiples = evaluate(scale.tasks(tasks.embeddings))
        return Estimates(accuracy.numpy().astype("float64"), scale.costs(multiples * smearing))

    return predict
