"""What predictors read of a text: its sentence embedding beside its prompt features."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from router.prompt_features import FEATURES, FEATURES_VERSION, describe_prompts
from worker.embedding_cache import EmbeddingCache, digest_text
from worker.encoder import SentenceEncoder

KEPT_TOGETHER = 1024  # texts encoded before they are kept: a kill loses no more

FloatArray = NDArray[np.float32]
EncodeProgress = Callable[[int, int], None]  # texts done, texts in all


class TaskEncoder:
    """Encodes each text once on this machine; its name says what the vectors are made of."""

    def __init__(self, sentences: SentenceEncoder, *, cache_directory: Path | None) -> None:
        self._sentences, self._cache_directory = sentences, cache_directory
        self.name = f"{sentences.name}+features{FEATURES_VERSION}"

    @cached_property
    def dimension(self) -> int:
        """The length of a vector: the embedding's and one for each feature."""
        return self._sentences.dimension + FEATURES

    def encode(self, texts: Sequence[str], *, progress: EncodeProgress | None = None) -> FloatArray:
        """Vectors (texts, dimension) in the order given; `progress` hears of texts that had to be encoded."""
        digests = [digest_text(text) for text in texts]
        known = self._cache.read(digests) if self._cache else {}
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        by_length = sorted(new, key=lambda digest: len(new[digest]))  # alike lengths pad least
        for start in range(0, len(by_length), KEPT_TOGETHER):
            part = by_length[start : start + KEPT_TOGETHER]
            heard = progress and _shift(progress, done=start, total=len(by_length))
            vectors = self._sentences.encode([new[digest] for digest in part], progress=heard)
            fresh = dict(zip(part, vectors, strict=True))
            known.update(fresh)
            if self._cache:
                self._cache.write(fresh)
        embeddings = np.empty((len(texts), self._sentences.dimension), dtype=np.float32)
        for row, digest in enumerate(digests):
            embeddings[row] = known[digest]
        return np.concatenate((embeddings, describe_prompts(texts)), axis=1)

    @cached_property
    def _cache(self) -> EmbeddingCache | None:
        if self._cache_directory is None:
            return None
        path = self._cache_directory / "embeddings" / f"{self._sentences.name}.sqlite"
        return EmbeddingCache(path, dimension=self._sentences.dimension)


def _shift(progress: EncodeProgress, *, done: int, total: int) -> EncodeProgress:
    return lambda more, _: progress(done + more, total)
