"""A candidate for the product's predictor: prompt features beside the embedding, and a linear model in the blend.

Still one pair a strategy, from that strategy's outcomes alone: 0.2 network + 0.6 cluster means, scaled as they are now,
+ 0.2 ridge regression.
"""

import numpy as np

from router.baselines.outcomes import Estimates, FloatArray, Outcomes, Predict, Tasks, join
from router.baselines.ridge_accuracy import RidgeAccuracy
from router.baselines.trained_pairs import fit_pairs
from router.predictor import PredictorConfig

LINEAR_SHARE = 0.2
CONFIG = PredictorConfig(network_share=0.25)  # of what is not linear


def fit_challenger(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """Each strategy from its own outcomes alone, training and validation part together."""
    seen = join(train, validation)
    enriched = seen._replace(embeddings=_enrich(seen.embeddings, seen.features))
    pairs = fit_pairs(enriched, config=CONFIG, seed=seed)
    linear = RidgeAccuracy(enriched.embeddings, enriched.correct)

    def predict(tasks: Tasks) -> Estimates:
        inputs = _enrich(tasks.embeddings, tasks.features)
        estimates = pairs(tasks._replace(embeddings=inputs))
        accuracy = (1 - LINEAR_SHARE) * estimates.accuracy + LINEAR_SHARE * linear.predict(inputs)
        return Estimates(accuracy, estimates.cost)

    return predict


def _enrich(embeddings: FloatArray, features: FloatArray) -> FloatArray:
    return np.concatenate((embeddings, features), axis=1)
