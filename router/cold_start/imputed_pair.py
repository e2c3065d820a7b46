"""A strategy's first pair where the pool has answered its probes too: taught what it would have done elsewhere."""

import numpy as np
from numpy.typing import NDArray

from router.cold_start.error_vector import learn_clusters
from router.cold_start.imputation import Asked, Table, impute_table, mix_lessons
from router.cold_start.placement import DoubleArray, FloatArray, Probes
from router.cold_start.pool_past import KnownOutcomes, PlacedPair
from router.figures import Fallback
from router.fold import FoldedPair, fold_pair
from router.held_out import measure_held_out
from router.outcome_rows import OutcomeRows
from router.predictor import PredictorConfig
from router.stack import PredictorStack
from router.training import train_pair

LEAST_SHARED = 60  # probes that the known strategies have answered too; a regression on fewer says little


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
        self.probes = Probes(rows.embeddings, rows.correct, rows.weight)
        self.learn_near = learn_clusters(known.embeddings, probes=len(rows), seed=seed)

    def predict_without(self, test: NDArray[np.bool_]) -> DoubleArray:
        """Accuracy of these probes by a pair that knows nothing of anybody's answers to them."""
        others = np.ones(len(self.known.correct), dtype=bool)
        others[self.place[test & (self.place >= 0)]] = False
        pair = self.train(~test, others)
        return PredictorStack([pair]).predict(self.rows.embeddings[test]).accuracy[:, 0].astype(np.float64)

    def train(self, probes: NDArray[np.bool_], tasks: NDArray[np.bool_]) -> FoldedPair:
        """A pair from some of the probes (n,), trained on some of the known strategies' tasks."""
        imputed, tokens = self._impute(probes & (self.place >= 0))
        lessons = mix_lessons(imputed, self.learn_near(self.probes.take(probes))(self.known.embeddings))
        nothing = np.zeros(self.rows.embeddings.shape[1], dtype=np.float32)
        trained = train_pair(
            self.known.embeddings[tasks],
            lessons[tasks],
            tokens[tasks],
            model_vector=nothing,
            decoding_vector=nothing,
            config=self.config,
            seed=self.seed,
        )
        return fold_pair(trained)

    def _impute(self, probes: NDArray[np.bool_]) -> tuple[DoubleArray, DoubleArray]:
        """Expected correctness and output tokens for every task of the known strategies."""
        rows, known = self.rows, self.known
        asked = Asked(self.place[probes], rows.weight[probes])
        answers = Table(rows.correct[probes][:, np.newaxis], 1 + rows.output_tokens[probes][:, np.newaxis])
        imputed = impute_table(Table(known.correct, 1 + known.output_tokens), asked, answers)
        return imputed.correct[:, 0], np.maximum(imputed.cost[:, 0] - 1, 0.0)


def _find_places(embeddings: FloatArray, past: FloatArray) -> NDArray[np.intp]:
    """Where each task (n, d) stands among past ones (m, d); -1 for one that does not."""
    places = {row.tobytes(): place for place, row in enumerate(past)}
    return np.array([places.get(row.tobytes(), -1) for row in embeddings], dtype=np.intp)
