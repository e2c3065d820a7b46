"""A peer: CONCUR's own recipe for one strategy's predictors, without what this project changed.

Chen et al. 2026 (arXiv 2512.09386): a network of 768 hidden units for each of accuracy and output tokens, AdamW at
1e-3, batches of 32, epoch after epoch until five have brought no gain on a fifth of the rows that is held out. The
strategy's descriptions are constants in every row and left out.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from router.threads import one_thread

HIDDEN, LEARNING_RATE, BATCH_ROWS, PATIENCE_EPOCHS, MOST_EPOCHS = 768, 1e-3, 32, 5, 100
HELD_OUT_SHARE = 0.2

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class ConcurPair:
    """One strategy's two networks."""

    accuracy: nn.Module
    tokens: nn.Module

    @torch.no_grad()
    def predict(self, embeddings: Floats) -> tuple[Floats, Floats]:
        """Accuracy (n,) and output tokens (n,)."""
        tasks = torch.from_numpy(embeddings)
        right = functional.softmax(self.accuracy(tasks), dim=1)[:, 1]
        return right.numpy(), torch.expm1(self.tokens(tasks)[:, 0]).clamp(min=0).numpy()


def train_concur_pair(embeddings: Floats, correct: Floats, output_tokens: Floats, *, seed: int) -> ConcurPair:
    """Both networks, from embeddings (n, d), correct (n,) in {0, 1} and output tokens (n,)."""
    tasks = torch.from_numpy(embeddings)
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        accuracy = _fit(tasks, torch.from_numpy(correct).long(), outputs=2)
        tokens = _fit(tasks, torch.from_numpy(np.log1p(output_tokens)), outputs=1)
    return ConcurPair(accuracy=accuracy, tokens=tokens)


def _fit(tasks: torch.Tensor, target: torch.Tensor, *, outputs: int) -> nn.Module:
    network = nn.Sequential(nn.Linear(tasks.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
    order = torch.randperm(len(tasks))
    held_out, seen = order.tensor_split([int(HELD_OUT_SHARE * len(tasks))])
    best, best_epoch, best_state = -float("inf"), 0, network.state_dict()
    for epoch in range(MOST_EPOCHS):
        for batch in torch.split(seen[torch.randperm(len(seen))], BATCH_ROWS):
            optimiser.zero_grad()
            _loss(network(tasks[batch]), target[batch]).backward()  # type: ignore[no-untyped-call]  # untyped in torch
            optimiser.step()
        score = _score(network, tasks[held_out], target[held_out])
        if score > best:
            best, best_epoch = score, epoch
            best_state = {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - best_epoch >= PATIENCE_EPOCHS:
            break
    network.load_state_dict(best_state)
    return network


def _loss(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if outputs.shape[1] == 1:
        return functional.mse_loss(outputs[:, 0], target)
    return functional.cross_entropy(outputs, target)


@torch.no_grad()
def _score(network: nn.Module, tasks: torch.Tensor, target: torch.Tensor) -> float:
    """Accuracy of the classifier; of the regressor, its squared error made negative."""
    outputs = network(tasks)
    if outputs.shape[1] == 1:
        return -float(_loss(outputs, target))
    return float((outputs.argmax(dim=1) == target).float().mean())
