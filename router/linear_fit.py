"""A strategy's linear view of a task: ridge regression of correctness and of log output tokens on the embedding.

The penalty is a constant and not chosen by validation: it is the ratio of the noise of an outcome to what a slope is
expected to be (Hoerl and Kennard 1970), which does not depend on how many outcomes there are. Chosen strategy by
strategy it makes them noisy to different degrees, and the allocator buys the noisiest (docs/log.md).
"""

from functools import cached_property
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


def fit_linear(lines: "Lines", *, penalty: float) -> LinearFit:
    """Both regressions, accuracy's on the graded rows."""
    rows, logs = lines.rows, np.log1p(lines.rows.output_tokens)
    accuracy = lines.graded.fit(lines.graded.rows.correct, penalty=penalty)
    log_tokens = lines.fit(logs, penalty=penalty)
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

    coefficients: DoubleArray  # (d + 1,); the last is the unpenalised intercept
    held_out: DoubleArray  # (n,)


class Lines:
    """Ridge regressions on the same rows, whose Gram matrices are summed once and decomposed once for each penalty."""

    def __init__(self, rows: OutcomeRows, *, folds: int) -> None:
        self.rows, self._folds = rows, folds
        own_fold = torch.from_numpy(rows.fold)
        self._parts = [own_fold == fold for fold in range(folds)]
        self._tasks = torch.from_numpy(np.column_stack((rows.embeddings, np.ones(len(rows)))))  # (n, d + 1), float64
        self._weighted = self._tasks * torch.from_numpy(rows.weight)[:, None]
        self._gram = self._leave_out([self._tasks[part].T @ self._weighted[part] for part in self._parts])
        self._factors: dict[float, torch.Tensor] = {}  # of each penalty (folds + 1, d + 1, d + 1)

    @cached_property
    def graded(self) -> "Lines":
        """Those on the rows with a grade."""
        graded = self.rows.take_graded()
        return self if graded is self.rows else Lines(graded, folds=self._folds)

    def fit(self, target: DoubleArray, *, penalty: float) -> Line:
        """One target (n,) of the rows."""
        values = torch.from_numpy(target)
        moment = self._leave_out([self._weighted[part].T @ values[part] for part in self._parts])
        solutions = torch.cholesky_solve(moment[..., None], self._decompose(penalty))[..., 0]  # (folds + 1, d + 1)
        held_out = torch.empty(len(self.rows), dtype=torch.float64)
        for part, solution in zip(self._parts, solutions[:-1], strict=True):
            held_out[part] = self._tasks[part] @ solution
        return Line(solutions[-1].numpy(), held_out.numpy())

    def _decompose(self, penalty: float) -> torch.Tensor:
        if penalty not in self._factors:
            ridge = penalty * torch.eye(self._gram.shape[-1], dtype=torch.float64)
            ridge[-1, -1] = NO_PENALTY
            self._factors[penalty] = torch.linalg.cholesky(self._gram + ridge)
        return self._factors[penalty]

    def _leave_out(self, sums: list[torch.Tensor]) -> torch.Tensor:
        """The total of all folds' sums without each one's own, then with all of them."""
        by_fold = torch.stack(sums)
        total = by_fold.sum(dim=0)
        return torch.cat((total - by_fold, total[None]))
