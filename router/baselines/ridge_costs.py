"""Costs by a ridge regression in log space, for the published methods that come with no cost model of their own."""

import numpy as np

from router.baselines.outcomes import Cells, FloatArray, Outcomes

PENALTY = 10.0
SMALLEST_SHARE = 1e-3  # of a strategy's mean cost: what the logarithm of a free answer is taken of


class RidgeCosts:
    """One linear model a strategy on log costs; smearing (Duan 1983, as a ratio of totals) makes its totals right."""

    def __init__(self, seen: Outcomes) -> None:
        mean = seen.cost.mean(axis=0)
        self._least = np.maximum(SMALLEST_SHARE * mean, np.finfo(np.float64).tiny)
        self._center = seen.embeddings.mean(axis=0, dtype=np.float64)
        rows = seen.embeddings - self._center
        logs = np.log(np.maximum(seen.cost, self._least))
        self._level = logs.mean(axis=0)
        gram = rows.T @ rows + PENALTY * np.eye(rows.shape[1])
        self._slope = np.linalg.solve(gram, rows.T @ (logs - self._level))
        self._bounds = np.log(self._least), logs.max(axis=0)
        self._smearing = mean / self._unsmeared(seen.embeddings).mean(axis=0)

    def predict(self, embeddings: FloatArray) -> Cells:
        """Expected costs (m, strategies)."""
        return np.asarray(self._unsmeared(embeddings) * self._smearing)

    def _unsmeared(self, embeddings: FloatArray) -> Cells:
        logs = (embeddings - self._center) @ self._slope + self._level
        return np.asarray(np.exp(np.clip(logs, *self._bounds)))
