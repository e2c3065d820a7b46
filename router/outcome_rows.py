"""One strategy's outcomes, checked and put in an order that does not depend on who asked."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from router.errors import PredictorInputError

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class OutcomeRows:
    """What one strategy did with n tasks."""

    embeddings: FloatArray  # (n, d)
    correct: DoubleArray  # (n,), 0..1; NaN where nobody has said
    output_tokens: DoubleArray  # (n,)
    weight: DoubleArray  # (n,), mean 1
    fold: NDArray[np.intp]  # (n,), the cross-fitting fold that holds the row out
    distinct_tasks: int

    def __len__(self) -> int:
        return len(self.correct)

    @property
    def is_graded(self) -> NDArray[np.bool_]:
        """Of each row (n,), whether it is known how right it is."""
        return np.asarray(~np.isnan(self.correct))

    def take_graded(self) -> "OutcomeRows":
        """The rows with a grade, each in its own fold."""
        graded = self.is_graded
        if graded.all():
            return self
        weight = self.weight[graded]
        return replace(
            self,
            embeddings=self.embeddings[graded],
            correct=self.correct[graded],
            output_tokens=self.output_tokens[graded],
            weight=weight / weight.mean(),
            fold=self.fold[graded],
            distinct_tasks=len(np.unique(self.embeddings[graded], axis=0)),
        )

    @property
    def minority(self) -> float:
        """Rights or wrongs, whichever are fewer, by weight."""
        return min(float(self.weight @ self.correct), float(self.weight @ (1 - self.correct)))

    def smear(self, log_tokens: DoubleArray) -> float:
        """True over predicted (1 + output tokens), as a ratio of totals, for predictions of its log (Duan 1983)."""
        true, predicted = self.weight @ (1 + self.output_tokens), self.weight @ np.exp(log_tokens)
        return float(true / predicted)


def arrange_outcomes(
    embeddings: FloatArray,
    correct: NDArray[np.floating],
    output_tokens: NDArray[np.floating],
    weight: NDArray[np.floating] | None,
    *,
    folds: int,
    may_lack_grades: bool = False,
) -> OutcomeRows:
    """Rows ordered by a digest of their embedding; equal embeddings share a fold, so nothing leaks across it.

    The order and the folds are the same for every strategy that answered the same tasks: the noise of training is
    then alike in all of them and cancels in the differences that the allocator acts on.
    """
    weight = np.ones(len(correct)) if weight is None else weight
    _check_outcomes(embeddings, correct, output_tokens, weight)
    _check_grades(correct, may_lack_grades=may_lack_grades)
    digests = digest_tasks(embeddings)
    order = np.argsort(digests, kind="stable")
    distinct, rank = np.unique(digests[order], return_inverse=True)
    return OutcomeRows(
        embeddings=np.ascontiguousarray(embeddings[order], dtype=np.float32),
        correct=np.asarray(correct[order], dtype=np.float64),
        output_tokens=np.asarray(output_tokens[order], dtype=np.float64),
        weight=np.asarray(weight[order] / np.mean(weight), dtype=np.float64),
        fold=np.asarray(rank % folds, dtype=np.intp),
        distinct_tasks=len(distinct),
    )


def digest_tasks(embeddings: FloatArray) -> NDArray[np.bytes_]:
    """A digest (n,) of each embedding: an order of tasks that does not depend on who asked."""
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in embeddings])


def _check_outcomes(
    embeddings: FloatArray,
    correct: NDArray[np.floating],
    output_tokens: NDArray[np.floating],
    weight: NDArray[np.floating],
) -> None:
    if embeddings.ndim != 2 or len(embeddings) == 0:
        raise PredictorInputError(
            f"embeddings have shape {embeddings.shape}, a pair needs at least one outcome as rows of (n, d): "
            "calibrate the strategy first"
        )
    columns = {"correct": correct, "output_tokens": output_tokens, "weight": weight}
    for name, values in columns.items():
        if values.shape != (len(embeddings),):
            raise PredictorInputError(f"{name} has shape {values.shape} but there are {len(embeddings)} embeddings")
    _refuse_rows(
        np.logical_not(np.isfinite(embeddings).all(axis=1)),
        "has an embedding that is not finite: encode the task again",
    )
    _refuse_rows(~((output_tokens >= 0) & np.isfinite(output_tokens)), "has no valid count of output tokens")
    _refuse_rows(~((weight > 0) & np.isfinite(weight)), "has a weight that is not a positive number")


def _check_grades(correct: NDArray[np.floating], *, may_lack_grades: bool) -> None:
    missing = np.isnan(correct) & may_lack_grades
    if missing.all():
        raise PredictorInputError(f"none of {len(correct)} outcomes has a grade: an accuracy needs one at least")
    _refuse_rows(~((correct >= 0) & (correct <= 1) | missing), "has a correctness outside 0..1: check its grader")


def _refuse_rows(wrong: NDArray[np.bool_], problem: str) -> None:
    if wrong.any():
        raise PredictorInputError(f"outcome {int(np.argmax(wrong))} of {len(wrong)} {problem}")
