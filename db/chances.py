"""Chances as they are stored: float32, little endian, which costs nothing for a task where lists of numbers would."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STORED = "<f4"


def write_chances(chances: Sequence[float] | NDArray[np.float32]) -> bytes:
    """The bytes of these chances, of a row after the other where there are several."""
    return np.asarray(chances, dtype=STORED).tobytes()


def read_chances(stored: bytes) -> list[float]:
    """The chances that `write_chances` wrote."""
    chances: list[float] = np.frombuffer(stored, STORED).tolist()
    return chances
