"""Embeddings on disk, by content hash: a text is encoded once, whichever data set it stands in. No text is kept."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.encoder import SentenceEncoder

FloatArray = NDArray[np.float32]
Report = Callable[[int], None]  # texts still to encode

DIGEST_BYTES = 16


class EmbeddingCache:
    """One file for each encoder in a folder; an encoder's name says which model and version it is."""

    def __init__(self, folder: Path, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._path = folder / f"{encoder.name}.npz"
        self._vectors: dict[bytes, FloatArray] = {}
        if self._path.is_file():
            with np.load(self._path, allow_pickle=False) as stored:
                self._vectors = dict(zip(map(bytes, stored["digests"]), stored["vectors"], strict=True))

    def embed(self, texts: Sequence[str], *, report: Report) -> FloatArray:
        """Embeddings (texts, d) in this order; `report` hears how many are new before they are encoded."""
        digests = [hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest() for text in texts]
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._vectors}
        if new:
            report(len(new))
            self._vectors.update(zip(new, self._encoder.encode(list(new.values())), strict=True))
            self._store()
        return np.stack([self._vectors[digest] for digest in digests])

    def _store(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        digests = np.frombuffer(b"".join(self._vectors), dtype=np.uint8).reshape(-1, DIGEST_BYTES)
        partial = self._path.with_name(f".{self._path.name}.partial")
        with partial.open("wb") as stream:
            np.savez(stream, digests=digests, vectors=np.stack(list(self._vectors.values())))
        partial.replace(self._path)
