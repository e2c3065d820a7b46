"""The two heads of a pair: accuracy as two logits, output tokens in log space with smearing."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from router.constant import constant_log_odds, inverse_softplus
from router.fitting import TrainingRows, fit_network
from router.outcome_rows import OutcomeRows
from router.predictor import PredictorConfig, PredictorNetwork, StrategyVectors
from router.trained import TrainedHead

DoubleArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Learner:
    """What both heads are trained from."""

    rows: OutcomeRows
    tasks: torch.Tensor  # (n, d), standardised
    strategy: StrategyVectors
    config: PredictorConfig
    seed: int

    def take_graded(self) -> "Learner":
        """What the accuracy head is trained from."""
        return replace(self, rows=self.rows.take_graded(), tasks=self.tasks[torch.from_numpy(self.rows.is_graded)])


class AccuracyFit(NamedTuple):
    """A trained accuracy head, and its probability (n,) for rows it did not see."""

    head: TrainedHead
    out_of_fold: DoubleArray


class TokensFit(NamedTuple):
    """A trained output-token head and the ratio that makes its total right on rows it did not see."""

    head: TrainedHead
    smearing: float
    out_of_fold: DoubleArray  # (n,) output tokens, smeared, of rows it did not see


def train_accuracy(learner: Learner) -> AccuracyFit:
    """The classifier of right and wrong answers."""
    rows = learner.rows
    start = constant_log_odds(rows)
    network = _new_network(learner, output_bias=(-start / 2, start / 2))
    fit = fit_network(network, _training_rows(learner, rows.correct), _cross_entropy, learner.config)
    probability = functional.softmax(fit.out_of_fold, dim=1)[:, 1].numpy().astype(np.float64)
    return AccuracyFit(TrainedHead(network=network, first_served=learner.config.folds), probability)


def train_tokens(learner: Learner) -> TokensFit:
    """The regressor of log(1 + output tokens) and its smearing ratio."""
    rows = learner.rows
    log_tokens = np.log1p(rows.output_tokens)
    network = _new_network(learner, output_bias=(inverse_softplus(float(log_tokens.mean())),))
    fit = fit_network(network, _training_rows(learner, log_tokens), _squared_error, learner.config)
    predicted = functional.softplus(fit.out_of_fold[:, 0]).numpy().astype(np.float64)
    smearing = rows.smear(predicted)
    head = TrainedHead(network=network, first_served=learner.config.folds)
    return TokensFit(head, smearing, np.maximum(smearing * np.exp(predicted) - 1, 0))


def _new_network(learner: Learner, *, output_bias: tuple[float, ...]) -> PredictorNetwork:
    config = learner.config
    torch.manual_seed(learner.seed)  # each head starts alike in every strategy, however long the other head trained
    network = PredictorNetwork(
        config, learner.strategy, members=config.folds + config.members, outputs=len(output_bias)
    )
    with torch.no_grad():  # starting at the mean outcome leaves only the differences to learn
        network.output.bias.copy_(torch.tensor(output_bias).expand_as(network.output.bias))
    return network


def _training_rows(learner: Learner, target: DoubleArray) -> TrainingRows:
    return TrainingRows(
        tasks=learner.tasks,
        target=torch.from_numpy(target.astype(np.float32)),
        weight=torch.from_numpy(learner.rows.weight.astype(np.float32)),
        fold=torch.from_numpy(learner.rows.fold),
    )


def _cross_entropy(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """That of the softmax of two logits, from their difference."""
    log_odds = outputs[..., 1] - outputs[..., 0]
    return functional.softplus(log_odds) - target * log_odds


def _squared_error(outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.square(functional.softplus(outputs[..., 0]) - target)
