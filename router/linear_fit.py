"""A strategy's linear view of a task: ridge regression of correctness and of log output tokens on the embedding.

The penalty is a constant and not chosen by validation: it is the ratio of the noise of an outcome to what a slope is
expected to be (Hoerl and Kennard 1970), which does not depend on how many outcomes there are. Chosen strategy by
strategy it makes them noisy to different degrees, and the allocator buys the noisiest (docs/log.md).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from router.linear import ACCURACY, LOG_TOKENS, LinearHead
from router.outcome_rows import OutcomeRows

DoubleArray = NDArray[np.float64]


class LinearFit(NamedTuple):
    """A fitted head, and what it says of each row when that row's fold is left out."""

    head: LinearHead
    accuracy: DoubleArray  # (n,)
    output_tokens: DoubleArray  # (n,), smeared


def fit_linear(rows: OutcomeRows, *, penalty: float, folds: int) -> LinearFit:
    """Both regressions in one decomposition for each fold, and one of everything, in float64."""
    tasks = torch.from_numpy(np.column_stack((rows.embeddings, np.ones(len(rows)))))  # (n, d + 1), float64
    targets = torch.from_numpy(np.column_stack((rows.correct, np.log1p(rows.output_tokens))))  # (n, 2)
    solutions = _solve_folds(tasks, targets, rows, penalty=penalty, folds=folds)  # (folds + 1, d + 1, 2)
    own_fold = torch.from_numpy(rows.fold)
    held_out = torch.empty_like(targets)
    for fold in range(folds):
        held_out[own_fold == fold] = tasks[own_fold == fold] @ solutions[fold]
    limit = float(targets[:, LOG_TOKENS].max())
    log_tokens = held_out[:, LOG_TOKENS].clamp(0, limit).numpy()
    smearing = rows.smear(log_tokens)
    weight, bias = solutions[-1, :-1].T.numpy(), solutions[-1, -1].numpy()
    head = LinearHead(
        weight=np.ascontiguousarray(weight, dtype=np.float32),
        bias=np.asarray(bias, dtype=np.float32),
        log_tokens_limit=limit,
        smearing=smearing,
    )
    accuracy = held_out[:, ACCURACY].clamp(0, 1).numpy()
    return LinearFit(head, accuracy, np.maximum(smearing * np.exp(log_tokens) - 1, 0))


def _solve_folds(
    tasks: torch.Tensor, targets: torch.Tensor, rows: OutcomeRows, *, penalty: float, folds: int
) -> torch.Tensor:
    """Coefficients without each fold, then those of all rows; the last coefficient is the unpenalised intercept."""
    own_fold = torch.from_numpy(rows.fold)
    weighted = tasks * torch.from_numpy(rows.weight)[:, None]
    parts = [own_fold == fold for fold in range(folds)]
    gram = torch.stack([tasks[part].T @ weighted[part] for part in parts])  # (folds, d + 1, d + 1)
    moment = torch.stack([weighted[part].T @ targets[part] for part in parts])  # (folds, d + 1, 2)
    ridge = penalty * torch.eye(tasks.shape[1], dtype=torch.float64)
    ridge[-1, -1] = 0.0
    gram_without = torch.cat((gram.sum(dim=0) - gram, gram.sum(dim=0)[None])) + ridge
    moment_without = torch.cat((moment.sum(dim=0) - moment, moment.sum(dim=0)[None]))
    return torch.cholesky_solve(moment_without, torch.linalg.cholesky(gram_without))
