"""A folded pair as bytes: safetensors with JSON metadata, loaded without executing anything."""

from dataclasses import dataclass
from typing import NamedTuple

from router.fold import FoldedPair
from router.training import TrainingFigures


@dataclass(frozen=True, kw_only=True)
class PairMetadata:
    """Whose predictor it is, what it reads and how good it was on held-out outcomes."""

    strategy: str  # name
    strategy_hash: str  # Strategy.spec_hash
    encoder: str  # SentenceEncoder.name; another encoder's embeddings mean nothing to it
    seed: int
    figures: TrainingFigures


class LoadedPair(NamedTuple):
    """An artefact read back."""

    pair: FoldedPair
    metadata: PairMetadata


def dump_pair(pair: FoldedPair, metadata: PairMetadata) -> bytes:
    """The pair as safetensors bytes."""
    raise NotImplementedError


def load_pair(artefact: bytes, *, encoder: str) -> LoadedPair:
    """The pair and its metadata; PredictorArtefactError when damaged, of another format version, or of another encoder."""
    raise NotImplementedError
