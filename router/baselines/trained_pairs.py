"""The product's own predictor, one pair a strategy, as it is trained and served: on embeddings and prompt features."""

import numpy as np

from router.baselines.outcomes import Estimates, Outcomes, Predict, Tasks, add_features, join
from router.fold import fold_pair
from router.predictor import PredictorConfig
from router.stack import PredictorStack
from router.training import train_pair

MEAN_TOKENS = 200.0  # a pair predicts output tokens: a strategy's mean cost is made this many


def fit_trained_pairs(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
    """Each strategy from its own outcomes alone, training and validation part together (a pair cross-fits itself)."""
    seen = join(train, validation)
    predict = fit_pairs(add_features(seen), config=PredictorConfig(), seed=seed)
    return lambda tasks: predict(add_features(tasks))


def fit_pairs(seen: Outcomes, *, config: PredictorConfig, seed: int) -> Predict:
    """Pairs of every strategy, folded and stacked.

    Recordings of other people have costs, not always tokens, so the token head learns the cost itself, scaled. The
    strategies' descriptions are left out, as constants that fold into a bias.
    """
    scale = np.maximum(seen.cost.mean(axis=0), np.finfo(np.float64).tiny) / MEAN_TOKENS  # (strategies,)
    nothing = np.zeros(seen.embeddings.shape[1], dtype=np.float32)
    pairs = [
        train_pair(
            seen.embeddings,
            correct,
            tokens,
            model_vector=nothing,
            decoding_vector=nothing,
            config=config,
            seed=seed,
        )
        for correct, tokens in zip(seen.correct.T, (seen.cost / scale).T, strict=True)
    ]
    stack = PredictorStack([fold_pair(pair) for pair in pairs])

    def predict(tasks: Tasks) -> Estimates:
        predictions = stack.predict(tasks.embeddings)
        return Estimates(predictions.accuracy.astype(np.float64), predictions.output_tokens * scale)

    return predict
