"""A strategy's linear view of a task: ridge regression of correctness and of log output tokens on the embedding.

The penalty is a constant and not chosen by validation: it is the ratio of the noise of an outcome to what a slope is
expected to be (Hoerl and Kennard 1970), which does not depend on how many outcomes there are. Chosen strategy by
strategy it makes them noisy to different degrees, and the allocator buys the noisiest (docs/log.md).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from router.linear import LinearHead
from router.outcome_rows import OutcomeRows

DoubleArray = NDArray[np.float64]

NO_PENALTY = 1e-9  # of the intercept: a fold without any other graded row still has a solution


class LinearFit(NamedTuple):
    """A fitted head, and what it says of each row when that row's fold is left out."""

    head: LinearHead
    accuracy: DoubleArray  # (graded rows,)
    output_tokens: DoubleArray  # (n,), smeared


def fit_linear(rows: OutcomeRows, *, penalty: float, folds: int) -> LinearFit:
    """Both regressions, accuracy's on the graded rows: one decomposition for each fold and one of everything."""
    graded, logs = rows.take_graded(), np.log1p(rows.output_tokens)
    accuracy = fit_line(graded, graded.correct, penalty=penalty, folds=folds)
    log_tokens = fit_line(rows, logs, penalty=penalty, folds=folds)
    limit = float(logs.max())
    expected = np.clip(log_tokens.held_out, 0, limit)
    smearing = rows.smear(expected)
    coefficients = np.stack((accuracy.coefficients, log_tokens.coefficients))  # (2, d + 1)
    head = LinearHead(
        weight=np.ascontiguousarray(coefficients[:, :-1], dtype=np.float32),
        bias=np.ascontiguousarray(coefficients[:, -1], dtype=np.float32),
        log_tokens_limit=limit,
        smearing=smearing,
    )
    return LinearFit(head, np.clip(accuracy.held_out, 0, 1), np.maximum(smearing * np.exp(expected) - 1, 0))


class Line(NamedTuple):
    """A ridge regression, and what it says of each row when that row's fold is left out."""

    coefficients: DoubleArray  # (d + 1,); the last is the intercept
    held_out: DoubleArray  # (n,)


def fit_line(rows: OutcomeRows, target: DoubleArray, *, penalty: float, folds: int) -> Line:
    """One target (n,) of the rows: one decomposition for each fold and one of everything."""
    tasks = torch.from_numpy(np.column_stack((rows.embeddings, np.ones(len(rows)))))  # (n, d + 1), float64
    solutions = _solve_folds(tasks, torch.from_numpy(target), rows, penalty=penalty, folds=folds)
    own_fold = torch.from_numpy(rows.fold)
    held_out = torch.empty(len(rows), dtype=torch.float64)
    for fold in range(folds):
        held_out[own_fold == fold] = tasks[own_fold == fold] @ solutions[fold]
    return Line(solutions[-1].numpy(), held_out.numpy())


def _solve_folds(
    tasks: torch.Tensor, target: torch.Tensor, rows: OutcomeRows, *, penalty: float, folds: int
) -> torch.Tensor:
    """Coefficients (folds + 1, d + 1) without each fold, then of all rows; the last is the unpenalised intercept."""
    own_fold = torch.from_numpy(rows.fold)
    weighted = tasks * torch.from_numpy(rows.weight)[:, None]
    parts = [own_fold == fold for fold in range(folds)]
    gram = torch.stack([tasks[part].T @ weighted[part] for part in parts])  # (folds, d + 1, d + 1)
    moment = torch.stack([weighted[part].T @ target[part] for part in parts])  # (folds, d + 1)
    ridge = penalty * torch.eye(tasks.shape[1], dtype=torch.float64)
    ridge[-1, -1] = NO_PENALTY
    gram_without = torch.cat((gram.sum(dim=0) - gram, gram.sum(dim=0)[None])) + ridge
    moment_without = torch.cat((moment.sum(dim=0) - moment, moment.sum(dim=0)[None]))
    return torch.cholesky_solve(moment_without[..., None], torch.linalg.cholesky(gram_without))[..., 0]
