"""Vectors of stored tasks: each text is encoded once, however many strategies answered it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from worker.progress import Progress, Stage, Watch
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line


class TaskVectors:
    """What the encoder makes of tasks, kept for as long as a command works."""

    def __init__(self, encoder: TaskEncoder, *, watch: Watch) -> None:
        self._encoder, self._watch = encoder, watch
        self._texts: dict[str, str] = {}  # by payload
        self._rows: dict[str, NDArray[np.float32]] = {}  # by text

    def of(self, payloads: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (tasks, d) in the order given."""
        for payload in payloads:
            if payload not in self._texts:
                self._texts[payload] = parse_task_line(payload).embedded_text
        texts = [self._texts[payload] for payload in payloads]
        self._encode([text for text in dict.fromkeys(texts) if text not in self._rows])
        rows = [self._rows[text] for text in texts]
        return np.stack(rows) if rows else np.empty((0, self._encoder.dimension), dtype=np.float32)

    def _encode(self, texts: Sequence[str]) -> None:
        if texts:
            vectors = self._encoder.encode(
                texts, progress=lambda done, total: self._watch(Progress(stage=Stage.ENCODING, done=done, total=total))
            )
            self._rows.update(zip(texts, vectors, strict=True))
