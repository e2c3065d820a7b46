"""Evaluation numbers and calibration, against values worked out by hand."""

import math

import numpy as np
import pytest

from router.platt import PlattScaling, apply_platt, fit_platt, log_odds_of, sigmoid
from router.scoring import brier_score, expected_calibration_error, log_loss


def test_log_loss_is_the_mean_surprise_and_never_infinite() -> None:
    probability, correct = np.array([0.8, 0.5]), np.array([1.0, 0.0])
    assert log_loss(probability, correct) == pytest.approx(-(math.log(0.8) + math.log(0.5)) / 2)
    assert log_loss(probability, correct, np.array([3.0, 1.0])) == pytest.approx(
        -(3 * math.log(0.8) + math.log(0.5)) / 4
    )
    assert math.isfinite(log_loss(np.array([0.0]), np.array([1.0])))


def test_brier_score_is_the_mean_squared_distance() -> None:
    assert brier_score(np.array([0.8, 0.4]), np.array([1.0, 0.0])) == pytest.approx((0.04 + 0.16) / 2)


def test_calibration_error_sees_the_gap_and_only_the_gap() -> None:
    probability = np.full(10, 0.7)
    assert expected_calibration_error(probability, np.r_[np.ones(7), np.zeros(3)]) == pytest.approx(0, abs=1e-12)
    assert expected_calibration_error(probability, np.r_[np.ones(4), np.zeros(6)]) == pytest.approx(0.3)
    assert expected_calibration_error(np.array([1.0]), np.array([1.0])) == pytest.approx(0)


def test_platt_finds_the_distortion_when_outcomes_are_many_and_stays_near_the_identity_when_few() -> None:
    generator = np.random.default_rng(0)
    log_odds = generator.normal(size=40_000)
    correct = (generator.random(40_000) < sigmoid(1.8 * log_odds - 0.4)).astype(np.float64)
    shown, weight = sigmoid(log_odds), np.ones(40_000)
    many = fit_platt(shown, correct, weight)
    assert many == pytest.approx(PlattScaling(1.8, -0.4), abs=0.08)
    few = fit_platt(shown[:30], correct[:30], weight[:30])
    assert few == pytest.approx(PlattScaling(), abs=0.3)


def test_scaled_probabilities_stay_inside_zero_and_one() -> None:
    scaled = apply_platt(np.array([0.0, 0.5, 1.0], dtype=np.float32), 2.0, 0.0)
    assert scaled.dtype == np.float32
    assert scaled[1] == pytest.approx(0.5)
    assert 0 < scaled[0] < scaled[1] < scaled[2] < 1
    assert np.isfinite(log_odds_of(scaled)).all()
