"""Accuracy as a linear function of the task, for each strategy by itself."""

import numpy as np

from router.baselines.outcomes import Cells, FloatArray

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
LEAST, MOST = 0.001, 0.999


class RidgeAccuracy:
    """Ridge regression of correctness (n, strategies) on tasks (n, d), penalty by generalised cross-validation.

    Golub, Heath and Wahba 1979. Strategies that answered the same tasks share the decomposition, and nothing else.
    """

    def __init__(self, tasks: FloatArray, correct: Cells) -> None:
        self._center, self._level = tasks.mean(axis=0, dtype=np.float64), correct.mean(axis=0)
        left, singular, right = np.linalg.svd(tasks - self._center, full_matrices=False)
        deviation = correct - self._level
        projected = left.T @ deviation  # (rank, strategies)
        losses, slopes = [], []
        for penalty in PENALTIES:
            kept = np.square(singular) / (np.square(singular) + penalty)  # (rank,)
            residual = deviation - left @ (kept[:, np.newaxis] * projected)
            losses.append(np.square(residual).mean(axis=0) / (1 - kept.sum() / len(tasks)) ** 2)
            slopes.append(right.T @ ((singular / (np.square(singular) + penalty))[:, np.newaxis] * projected))
        best = np.argmin(losses, axis=0)  # (strategies,)
        self._slope = np.stack(slopes)[best, :, np.arange(len(best))].T  # (d, strategies)

    def predict(self, tasks: FloatArray) -> Cells:
        """Probabilities (m, strategies)."""
        return np.asarray(np.clip((tasks - self._center) @ self._slope + self._level, LEAST, MOST))
