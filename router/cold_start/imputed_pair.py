"""A strategy's first pair where the pool has answered its probes too: taught what it would have done elsewhere."""

import numpy as np
from numpy.typing import NDArray

from router.clusters import assign_clusters
from router.cold_start.error_vector import partition_past
from router.cold_start.imputation import Asked, Table, impute_table
from router.cold_start.placement import DoubleArray, FloatArray
from router.cold_start.pool_past import KnownOutcomes, PlacedPair
from router.figures import Fallback
from router.fold import FoldedPair, fold_pair
from router.held_out import measure_held_out
from router.outcome_rows import OutcomeRows
from router.predictor import PredictorConfig
from router.stack import PredictorStack
from router.training import train_pair

LEAST_SHARED = 60  # probes that the known strategies have answered too; what fewer say of a strategy is little
MOST_PROBES = 1024  # that are imputed from: more take seconds, and a strategy that has more is soon trained on its own


def train_imputed(rows: OutcomeRows, known: KnownOutcomes, *, config: PredictorConfig, seed: int) -> PlacedPair | None:
    """The pair trained on all tasks of the known strategies; None where too few of the probes are among them."""
    place = _find_places(rows.embeddings, known.embeddings)
    if int((place >= 0).sum()) < LEAST_SHARED:
        return None
    teacher = _Teacher(rows, known, place, config, seed)
    held_out = np.empty(len(rows))
    for fold in range(config.folds):
        test = rows.fold == fold
        held_out[test] = teacher.predict_without(test)
    figures = measure_held_out(rows, held_out, smearing=1.0, fallback=Fallback.IMPUTED)
    return PlacedPair(teacher.train(np.ones(len(rows), dtype=bool), np.ones(len(known.correct), dtype=bool)), figures)


class _Teacher:
    """Imputes and trains, with and without some of the probes."""

    def __init__(
        self, rows: OutcomeRows, known: KnownOutcomes, place: NDArray[np.intp], config: PredictorConfig, seed: int
    ) -> None:
        self.rows, self.known, self.place, self.config, self.seed = rows, known, place, config, seed
        alone = place < 0
        self.known_here = _add_usual(known, rows.embeddings[alone])
        self.place_here = place.copy()
        self.place_here[alone] = len(known.correct) + np.arange(alone.sum())
        centroids = partition_past(known.embeddings, probes=len(rows), seed=seed)
        self.labels = assign_clusters(self.known_here.embeddings, centroids)

    def predict_without(self, test: NDArray[np.bool_]) -> DoubleArray:
        """Accuracy of these probes by a pair that knows nothing of anybody's answers to them."""
        others = np.ones(len(self.known.correct), dtype=bool)
        others[self.place[test & (self.place >= 0)]] = False
        pair = self.train(~test, others)
        return PredictorStack([pair]).predict(self.rows.embeddings[test]).accuracy[:, 0].astype(np.float64)

    def train(self, probes: NDArray[np.bool_], tasks: NDArray[np.bool_]) -> FoldedPair:
        """A pair from some of the probes (n,), trained on some of the known strategies' tasks."""
        imputed = self._impute(np.flatnonzero(probes)[:MOST_PROBES])
        nothing = np.zeros(self.rows.embeddings.shape[1], dtype=np.float32)
        trained = train_pair(
            self.known.embeddings[tasks],
            imputed.correct[: len(tasks), 0][tasks],
            np.maximum(imputed.cost[: len(tasks), 0][tasks] - 1, 0.0),
            model_vector=nothing,
            decoding_vector=nothing,
            config=self.config,
            seed=self.seed,
        )
        return fold_pair(trained)

    def _impute(self, probes: NDArray[np.intp]) -> Table:
        """Expected correctness and 1 + output tokens, (tasks and probes that are none, 1) each."""
        known, rows = self.known_here, self.rows
        answers = Table(rows.correct[probes, np.newaxis], 1 + rows.output_tokens[probes, np.newaxis])
        asked = Asked(self.place_here[probes], self.labels)
        return impute_table(Table(known.correct, 1 + known.output_tokens), asked, answers)


def _add_usual(known: KnownOutcomes, embeddings: FloatArray) -> KnownOutcomes:
    """With tasks (m, d) that the known strategies were not asked: each does there as it does on average."""
    correct, tokens = (
        np.concatenate((table, np.tile(table.mean(axis=0), (len(embeddings), 1))))
        for table in (known.correct, known.output_tokens)
    )
    return KnownOutcomes(np.concatenate((known.embeddings, embeddings)), correct, tokens)


def _find_places(embeddings: FloatArray, past: FloatArray) -> NDArray[np.intp]:
    """Where each task (n, d) stands among past ones (m, d); -1 for one that does not."""
    places = {row.tobytes(): place for place, row in enumerate(past)}
    return np.array([places.get(row.tobytes(), -1) for row in embeddings], dtype=np.intp)
