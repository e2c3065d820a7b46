"""Embeddings on disk, by content hash: a text is encoded once on a machine. No text is kept.

The file may be deleted at any time. A cache that can not be read or written costs time, never a run.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Result = TypeVar("Result")

MOST_VECTORS = 200_000  # 0.3 GB of MiniLM's
DIGEST_BYTES = 16
WAIT_SECONDS = 30.0  # for another process that writes

logger = logging.getLogger(__name__)


def digest_text(text: str) -> bytes:
    """What a text is known by."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


class EmbeddingCache:
    """The vectors of one encoder, the oldest of which make room for new ones."""

    def __init__(self, path: Path, *, dimension: int, most_vectors: int = MOST_VECTORS) -> None:
        self._path, self._dimension, self._most_vectors = path, dimension, most_vectors
        self._usable = True

    def read(self, digests: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """The vectors (d,) of those that are known."""
        return self._in_transaction(lambda connection: self._look_up(connection, digests)) or {}

    def write(self, vectors: Mapping[bytes, FloatArray]) -> None:
        """Keep some more, all or none of them."""
        rows = [(digest, np.asarray(vector, dtype="<f4").tobytes()) for digest, vector in vectors.items()]
        self._in_transaction(lambda connection: self._keep(connection, rows))

    def _look_up(self, connection: sqlite3.Connection, digests: Sequence[bytes]) -> dict[bytes, FloatArray]:
        found = {}
        for digest in dict.fromkeys(digests):
            row = connection.execute("SELECT vector FROM embedding WHERE digest = ?", (digest,)).fetchone()
            if row is not None and len(vector := np.frombuffer(row[0], dtype="<f4")) == self._dimension:
                found[digest] = vector
        return found

    def _keep(self, connection: sqlite3.Connection, rows: Sequence[tuple[bytes, bytes]]) -> None:
        connection.executemany("INSERT OR REPLACE INTO embedding (digest, vector) VALUES (?, ?)", rows)
        connection.execute(
            "DELETE FROM embedding WHERE rowid <= (SELECT max(rowid) FROM embedding) - ?", (self._most_vectors,)
        )

    def _in_transaction(self, work: Callable[[sqlite3.Connection], Result]) -> Result | None:
        """What the work gives; None, and no further try, where the file turns out to be of no use."""
        if not self._usable:
            return None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=WAIT_SECONDS)) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS embedding "
                    "(rowid INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, vector BLOB NOT NULL)"
                )
                return work(connection)
        except (sqlite3.Error, OSError) as error:
            self._usable = False
            logger.warning("embeddings are not kept: %s (%s); delete the file or make room", self._path, error)
            return None
