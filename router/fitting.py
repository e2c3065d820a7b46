"""The training loop: cross-fitting members and served members of one network, side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from router.predictor import PredictorConfig, PredictorNetwork

WORTHWHILE = 1e-4  # a smaller relative gain is noise, and no reason to train on

RowLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # outputs (n, ..., o), target (n, ...) -> (n, ...)


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """One strategy's outcomes as tensors, rows aligned."""

    tasks: torch.Tensor  # (n, d), standardised
    target: torch.Tensor  # (n,)
    weight: torch.Tensor  # (n,), mean 1
    fold: torch.Tensor  # (n,), the fold in which a row is held out


class Fit(NamedTuple):
    """Where early stopping ended."""

    out_of_fold: torch.Tensor  # (n, outputs), each row by the member that did not see it
    steps: int


def fit_network(network: PredictorNetwork, rows: TrainingRows, row_loss: RowLoss, config: PredictorConfig) -> Fit:
    """Train all members at once and leave the network at the step with the least out-of-fold loss.

    Member k < folds never sees fold k; the others see every row and are what is served.
    """
    seen = _seen_weight(rows, members=network.output.bias.shape[0], folds=config.folds)  # (n, members)
    held_out = _HeldOut(rows, folds=config.folds)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    best_loss, best_fit, best_state = float("inf"), held_out.evaluate(network, step=0), _copy_state(network)
    network.train()
    for step in range(1, config.max_steps + 1):
        batch = _draw_batch(len(rows.target), config.batch_rows)
        outputs = network(rows.tasks[batch])  # (batch, members, outputs)
        loss = (row_loss(outputs, rows.target[batch, None]) * seen[batch]).mean(dim=0).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
        optimiser.step()
        if step % config.evaluate_every_steps == 0:
            fit = held_out.evaluate(network, step=step)
            held_out_loss = float((row_loss(fit.out_of_fold, rows.target) * rows.weight).mean())
            if held_out_loss < best_loss * (1 - WORTHWHILE):
                best_loss, best_fit, best_state = held_out_loss, fit, _copy_state(network)
            elif step - best_fit.steps >= config.patience_steps:
                break
    network.load_state_dict(best_state)
    network.eval()
    return best_fit


def _seen_weight(rows: TrainingRows, *, members: int, folds: int) -> torch.Tensor:
    member = torch.arange(members)
    held_out = (rows.fold[:, None] == member) & (member < folds)
    return rows.weight[:, None] * ~held_out  # (n, members)


def _draw_batch(rows: int, batch_rows: int) -> torch.Tensor | slice:
    """All rows, uncopied, while they fit in one batch; a random draw of them after that."""
    return slice(None) if rows <= batch_rows else torch.randperm(rows)[:batch_rows]


class _HeldOut:
    """The rows of each fold, side by side once: evaluation asks a member for those of its own fold only."""

    def __init__(self, rows: TrainingRows, *, folds: int) -> None:
        self.rows = rows
        self.places = [torch.nonzero(rows.fold == fold)[:, 0] for fold in range(folds)]
        self.tasks = [rows.tasks[places] for places in self.places]

    @torch.no_grad()
    def evaluate(self, network: PredictorNetwork, *, step: int) -> Fit:
        """Each row by the member that did not see it."""
        outputs = torch.cat(network.evaluate_members(self.tasks))
        out_of_fold = torch.empty_like(outputs)
        out_of_fold[torch.cat(self.places)] = outputs
        return Fit(out_of_fold, step)


def _copy_state(network: PredictorNetwork) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
