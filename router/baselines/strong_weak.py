"""Two strategies only: is the strong one needed?

Ong et al. 2024 (RouteLLM, arXiv 2406.18665). Its matrix factorisation is, for a fixed pair, linear in the task's
embedding: a logistic regression of "strong is right where weak is wrong". The weak strategy is the cheapest, the
strong one the most accurate.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from router.baselines.early_stopping import Schedule, train_network
from router.baselines.outcomes import Estimates, Outcomes, Predict, Tasks, join
from router.baselines.tensors import Scale

SCHEDULE = Schedule(learning_rate=1e-3, weight_decay=0.1, batch_tasks=64, epochs=200)


def fit_strong_weak(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """Every other strategy is NaN, not allowed; costs are means."""
    seen, scale = join(train, validation), Scale(train)
    mean_correct, mean_cost = seen.correct.mean(axis=0), seen.cost.mean(axis=0)
    weak, strong = int(np.argmin(mean_cost)), int(np.argmax(mean_correct))
    rows, held_out = scale.rows(train), scale.rows(validation)
    wins, held_out_wins = ((r.correct[:, strong] > r.correct[:, weak]).float() for r in (rows, held_out))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Linear(train.embeddings.shape[1], 1)
        nn.init.zeros_(network.weight)
        train_network(
            network,
            lambda batch: functional.binary_cross_entropy_with_logits(network(rows.tasks[batch])[:, 0], wins[batch]),
            tasks=len(rows.tasks),
            validation_loss=lambda: functional.binary_cross_entropy_with_logits(
                network(held_out.tasks)[:, 0], held_out_wins
            ),
            schedule=SCHEDULE,
        )

    @torch.no_grad()
    def predict(tasks: Tasks) -> Estimates:
        needed = torch.sigmoid(network(scale.tasks(tasks.embeddings)))[:, 0].numpy().astype("float64")
        accuracy = np.full((len(needed), len(mean_cost)), np.nan)
        accuracy[:, weak] = mean_correct[weak]
        if strong != weak:
            accuracy[:, strong] = np.minimum(mean_correct[weak] + needed, 1.0)
        return Estimates(accuracy, np.broadcast_to(mean_cost, accuracy.shape))

    return predict
