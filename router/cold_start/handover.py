"""Which way of predicting a strategy is best by the probes it has, and when its own pair takes over."""

from collections.abc import Mapping

import numpy as np

from router.cold_start.placement import Place, Probes
from router.scoring import log_loss

FOLDS = 5


def rank_placements(candidates: Mapping[str, Place], probes: Probes, *, seed: int) -> dict[str, float]:
    """Cross-validated log loss of every candidate on the probes, the best first."""
    fold = np.random.default_rng(seed).permutation(len(probes.correct)) % FOLDS
    losses = {}
    for name, place in candidates.items():
        predicted = np.empty(len(fold))
        for held_out in range(FOLDS):
            test = fold == held_out
            predicted[test] = place(probes.take(~test))(probes.embeddings[test])
        losses[name] = log_loss(predicted, probes.correct, probes.weight)
    return dict(sorted(losses.items(), key=lambda item: item[1]))
