"""CONCUR as published: one accuracy classifier and one cost regressor for each strategy.

Chen et al. 2026 (CONCUR, arXiv 2512.09386), section 3: two layers of 768 hidden units over [universal; task-specific]
representations, AdamW at 1e-3, batches of 32, validation every third epoch, patience of 5 on accuracy. The strategies'
descriptions are constants for each network and fold into its first bias, so they are left out. All strategies read the
same rows, so their networks train side by side; each stops by itself.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from router.baselines.outcomes import Estimates, Outcomes, Predict, Tasks
from router.baselines.tensors import Scale, draw_batches

HIDDEN, PROJECTION = 768, 128
LEARNING_RATE, BATCH_TASKS = 1e-3, 32
EPOCHS, VALIDATE_EVERY_EPOCHS, PATIENCE = 99, 3, 5

RowLoss = Callable[
    [torch.Tensor, torch.Tensor], torch.Tensor
]  # outputs, target (rows, strategies) -> (rows, strategies)
Score = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # outputs, target -> (strategies,), larger is better


class Representation(StrEnum):
    """What a network sees of a task's embedding."""

    UNIVERSAL = "universal"  # the embedding as it is
    SPECIFIC = "task-specific"  # a learned projection of it
    BOTH = "both"  # one beside the other, as in the paper


class SideBySide(nn.Module):
    """One two-layer network for each strategy; outputs (rows, strategies)."""

    def __init__(self, representation: Representation, *, strategies: int, dimension: int) -> None:
        super().__init__()
        universal = dimension if representation is not Representation.SPECIFIC else 0
        projected = PROJECTION if representation is not Representation.UNIVERSAL else 0
        bound = (universal + projected) ** -0.5
        self.universal = _uniform(strategies, universal, HIDDEN, bound=bound) if universal else None
        self.projection = _uniform(strategies, dimension, PROJECTION, bound=dimension**-0.5) if projected else None
        self.specific = _uniform(strategies, PROJECTION, HIDDEN, bound=bound) if projected else None
        self.hidden_bias = nn.Parameter(torch.zeros(strategies, 1, HIDDEN))
        self.output = _uniform(strategies, HIDDEN, 1, bound=HIDDEN**-0.5)
        self.output_bias = nn.Parameter(torch.zeros(strategies, 1, 1))

    def forward(self, tasks: torch.Tensor) -> torch.Tensor:
        rows = tasks.expand(len(self.output), *tasks.shape)  # (strategies, rows, d)
        hidden: torch.Tensor = self.hidden_bias
        if self.universal is not None:
            hidden = hidden + rows @ self.universal
        if self.projection is not None and self.specific is not None:
            hidden = hidden + (rows @ self.projection) @ self.specific
        outputs: torch.Tensor = (torch.relu(hidden) @ self.output + self.output_bias)[..., 0].T
        return outputs


def _uniform(strategies: int, inputs: int, outputs: int, *, bound: float) -> nn.Parameter:
    return nn.Parameter(torch.empty(strategies, inputs, outputs).uniform_(-bound, bound))


def fit_concur(
    train: Outcomes, validation: Outcomes, seed: int, *, representation: Representation = Representation.BOTH
) -> Predict:
    """Both networks of every strategy; the regressor reads costs in multiples of the strategy's mean."""
    scale = Scale(train)
    rows, held_out = scale.rows(train), scale.rows(validation)
    build = partial(SideBySide, representation, strategies=rows.correct.shape[1], dimension=rows.tasks.shape[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        accuracy, cost = build(), build()
        _train(accuracy, (rows.tasks, rows.correct), (held_out.tasks, held_out.correct), _cross_entropy, _hits)
        _train(cost, (rows.tasks, rows.cost), (held_out.tasks, held_out.cost), _squared_error, _closeness)

    @torch.no_grad()
    def predict(tasks: Tasks) -> Estimates:
        inputs = scale.tasks(tasks.embeddings)
        probability = torch.sigmoid(accuracy(inputs)).numpy().astype("float64")
        return Estimates(probability, scale.costs(functional.softplus(cost(inputs))))

    return predict


def _train(
    network: SideBySide,
    seen: tuple[torch.Tensor, torch.Tensor],
    held_out: tuple[torch.Tensor, torch.Tensor],
    row_loss: RowLoss,
    score: Score,
) -> None:
    """Train every strategy's network; each is left where its own validation score was best."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
    best_score = torch.full((seen[1].shape[1],), -torch.inf)
    best_epoch = torch.zeros(len(best_score))
    best = [parameter.detach().clone() for parameter in network.parameters()]
    for epoch in range(1, EPOCHS + 1):
        for batch in draw_batches(len(seen[0]), BATCH_TASKS):
            optimiser.zero_grad()
            row_loss(network(seen[0][batch]), seen[1][batch]).mean(dim=0).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward untyped
            optimiser.step()
        if epoch % VALIDATE_EVERY_EPOCHS:
            continue
        with torch.no_grad():
            reached = score(network(held_out[0]), held_out[1])
            running = epoch - best_epoch <= PATIENCE * VALIDATE_EVERY_EPOCHS
            better = (reached > best_score) & running
            best_score[better], best_epoch[better] = reached[better], float(epoch)
            for kept, parameter in zip(best, network.parameters(), strict=True):
                kept[better] = parameter[better]
        if (epoch - best_epoch >= PATIENCE * VALIDATE_EVERY_EPOCHS).all():
            break
    with torch.no_grad():
        for kept, parameter in zip(best, network.parameters(), strict=True):
            parameter.copy_(kept)


def _cross_entropy(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(outputs, target, reduction="none")


def _squared_error(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.square(functional.softplus(outputs) - target)


def _hits(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return ((outputs > 0) == (target > 0.5)).float().mean(dim=0)


def _closeness(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return -_squared_error(outputs, target).mean(dim=0)
