"""The one training loop of the baselines that are a single network."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from router.baselines.tensors import draw_batches

Loss = Callable[[torch.Tensor], torch.Tensor]  # row numbers -> their mean loss


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast to train."""

    learning_rate: float
    weight_decay: float = 0.0
    batch_tasks: int = 256
    epochs: int = 100
    patience_epochs: int = 10  # without a smaller validation loss


def train_network(
    network: nn.Module, loss: Loss, *, tasks: int, validation_loss: Callable[[], torch.Tensor], schedule: Schedule
) -> None:
    """Train in place by AdamW on shuffled batches and leave the network where its validation loss was least."""
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True
    )
    best_loss, best_epoch, best_state = float("inf"), 0, copy.deepcopy(network.state_dict())
    for epoch in range(1, schedule.epochs + 1):
        network.train()
        for batch in draw_batches(tasks, schedule.batch_tasks):
            optimiser.zero_grad()
            loss(batch).backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
            optimiser.step()
        network.eval()
        with torch.no_grad():
            held_out = float(validation_loss())
        if held_out < best_loss:
            best_loss, best_epoch, best_state = held_out, epoch, copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= schedule.patience_epochs:
            break
    network.load_state_dict(best_state)
