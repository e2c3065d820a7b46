"""Expected calibration errors over several splits together, beside what perfect predictions would show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.scoring import sum_excess

Floats = NDArray[np.float64]

FLOOR_DRAWS = 20


class Calibration(NamedTuple):
    """An expected calibration error, and what perfect predictions would show on as many outcomes."""

    error: float
    floor: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationSums:
    """What was predicted too much in each bin of the prediction, on one split; splits add up."""

    observed: Floats  # (bins,)
    drawn: Floats  # (draws, bins), with outcomes drawn from the predictions in the place of the true ones
    cells: int


def sum_calibration(predicted: Floats, correct: Floats, cells: tuple[NDArray[np.intp], ...]) -> CalibrationSums:
    """Of some cells, which may repeat, of arrays (tasks, strategies).

    Few outcomes look miscalibrated however good the predictions are, which the draws measure. Outcomes of one task are
    drawn independently, so the true floor is a little higher.
    """
    generator = np.random.default_rng(0)

    def draw() -> Floats:
        return (generator.random(predicted.shape) < predicted).astype(np.float64)

    return CalibrationSums(
        observed=sum_excess(predicted[cells], correct[cells]),
        drawn=np.stack([sum_excess(predicted[cells], draw()[cells]) for _ in range(FLOOR_DRAWS)]),
        cells=len(cells[0]),
    )


def pool_calibration(splits: Sequence[CalibrationSums]) -> Calibration:
    """The error over all splits' cells together: the mean of errors of small splits is mostly their noise."""
    cells = sum(split.cells for split in splits)
    observed, drawn = (sum(getattr(split, part) for split in splits) for part in ("observed", "drawn"))
    return Calibration(float(np.abs(observed).sum() / cells), float(np.abs(drawn).sum(axis=1).mean() / cells))
