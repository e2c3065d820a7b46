"""Calibration errors of several splits together."""

import numpy as np
import pytest

from bench.calibration import CalibrationSums, pool_calibration, sum_calibration
from router.scoring import expected_calibration_error


def sum_all(predicted: np.ndarray, correct: np.ndarray) -> CalibrationSums:
    return sum_calibration(predicted, correct, np.nonzero(np.isfinite(predicted)))


def test_one_split_has_the_error_of_its_cells_and_only_of_those() -> None:
    predicted, correct = np.array([[0.75, 0.2], [0.75, 0.9]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    cells = np.array([0, 1, 1]), np.array([0, 0, 0])  # the second task's twice
    pooled = pool_calibration([sum_calibration(predicted, correct, cells)])
    assert pooled.error == pytest.approx(0.25)
    assert pool_calibration([sum_all(predicted, correct)]).error == pytest.approx(
        expected_calibration_error(predicted.ravel(), correct.ravel())
    )


def test_splits_whose_luck_is_opposite_are_calibrated_together() -> None:
    predicted = np.full((10, 1), 0.5)
    splits = [sum_all(predicted, np.full((10, 1), correct)) for correct in (1.0, 0.0)]
    assert [pool_calibration([split]).error for split in splits] == pytest.approx([0.5, 0.5])
    assert pool_calibration(splits).error == pytest.approx(0)


def test_the_floor_is_what_perfect_predictions_show_and_falls_with_more_splits() -> None:
    generator = np.random.default_rng(5)
    predicted = generator.random((4, 100, 3))
    splits = [sum_all(part, (generator.random(part.shape) < part).astype(np.float64)) for part in predicted]
    one, four = pool_calibration(splits[:1]), pool_calibration(splits)
    assert one.error == pytest.approx(one.floor, rel=0.6)
    assert four.floor < 0.7 * one.floor
    assert four.error < 2 * four.floor
