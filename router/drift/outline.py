"""The kind of a job's tasks in a few hundred numbers, and what one kind's outcomes have to do with another's."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_TASKS = 20  # fewer can not be told from any others
MOST_TASKS = 10_000  # of more, so many stand for all
BY_CHANCE = 3.0  # times what draws of one kind differ by in the mean: two that differ no more are alike
STRENGTH = 2.0  # correlation for each spread that two kinds lie apart
MOST = 0.5

_HEAD, _CENTRE = np.dtype("<f4"), np.dtype("<f2")


class Outline(NamedTuple):
    """Where a job's tasks lie."""

    tasks: int
    spread: float  # mean squared distance from their centre
    centre: NDArray[np.float32]  # (d,)


def outline_tasks(vectors: NDArray[np.float32]) -> Outline | None:
    """That of tasks (tasks, d); None of too few."""
    if len(vectors) < LEAST_TASKS:
        return None
    sample = vectors[:: -(-len(vectors) // MOST_TASKS)]  # (sample, d)
    centre = sample.mean(axis=0, dtype=np.float64).astype(np.float32)  # (d,)
    spread = float(np.square(sample - centre).sum(axis=1).mean())
    return Outline(len(sample), spread, centre)


def correlate(one: Outline, other: Outline) -> float:
    """How much outcomes on one kind deviate together without those on the other: 0 where both may be one kind."""
    apart = float(np.square(one.centre - other.centre).sum())
    by_chance = BY_CHANCE * (one.spread / one.tasks + other.spread / other.tasks)
    spread = (one.spread + other.spread) / 2
    if apart <= by_chance:
        return 0.0
    return min(STRENGTH * (apart - by_chance) / spread, MOST) if spread else MOST


def write_outline(outline: Outline) -> bytes:
    """Two bytes a number, which is to a thousandth."""
    head = np.array([outline.tasks, outline.spread], _HEAD)
    return head.tobytes() + outline.centre.astype(_CENTRE).tobytes()


def read_outline(stored: bytes) -> Outline:
    """What `write_outline` made the bytes of."""
    tasks, spread = np.frombuffer(stored, _HEAD, count=2).tolist()
    return Outline(int(tasks), spread, np.frombuffer(stored, _CENTRE, offset=2 * _HEAD.itemsize).astype(np.float32))
