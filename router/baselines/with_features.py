"""Any baseline with prompt features beside its embeddings: what our own predictor reads too."""

from router.baselines.outcomes import Fit, Outcomes, Predict, add_features


def with_features(fit: Fit) -> Fit:
    """The same method on embeddings and features."""

    def fit_on_both(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
        predict = fit(add_features(train), add_features(validation), seed)
        return lambda tasks: predict(add_features(tasks))

    return fit_on_both
