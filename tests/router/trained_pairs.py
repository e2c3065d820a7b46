"""Predictors on made-up outcomes, for those who serve or store them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from router.artefact import (
    PairMetadata,
)
from router.predictor import PredictorConfig
from router.trained import TrainedPair
from router.training import train_pair

DIMENSION = 32
CONFIG = PredictorConfig(max_steps=40)
ENCODER = "all-MiniLM-L6-v2@0123456789ab"

FloatArray = NDArray[np.float32]


def draw_embeddings(rows: int, *, seed: int) -> FloatArray:
    rows_drawn = np.random.default_rng(seed).normal(size=(rows, DIMENSION))
    return np.asarray(rows_drawn / np.linalg.norm(rows_drawn, axis=1, keepdims=True), dtype=np.float32)


@cache
def trained_pair(rows: int, seed: int) -> TrainedPair:
    generator = np.random.default_rng(seed)
    embeddings = draw_embeddings(rows, seed=seed)
    vectors = generator.normal(size=(2, DIMENSION)).astype(np.float32)
    correct = generator.random(rows) < 1 / (1 + np.exp(-8 * embeddings[:, 0]))
    return train_pair(
        embeddings,
        correct.astype(np.float32),
        np.ceil(np.exp(3 + 4 * embeddings[:, 1])),
        model_vector=vectors[0],
        decoding_vector=vectors[1],
        config=CONFIG,
        seed=seed,
    )


def metadata_of(trained: TrainedPair) -> PairMetadata:
    return PairMetadata(strategy="direct", strategy_hash="ab12", encoder=ENCODER, seed=1, figures=trained.figures)
