"""Expected output tokens: spread apart where they lie too close, totals kept."""

import numpy as np
import pytest

from router.token_scaling import TokenScaling, fit_token_scaling, scale_tokens


def draw(count: int, *, power: float, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions, and outcomes whose means are a power of them times a factor."""
    generator = np.random.default_rng(7)
    predicted = np.exp(generator.normal(4, 0.5, count)) - 1
    return predicted, factor * (1 + predicted) ** power * generator.gamma(4, 1 / 4, count) - 1


@pytest.mark.parametrize(("power", "factor"), [(1.0, 1.0), (1.4, 0.3), (0.7, 5.0)])
def test_it_finds_the_power_and_keeps_the_total(power: float, factor: float) -> None:
    predicted, tokens = draw(5000, power=power, factor=factor)
    scaling = fit_token_scaling(predicted, tokens, np.ones(len(tokens)))
    assert scaling.scale == pytest.approx(power, abs=0.05)
    scaled = scale_tokens(predicted, *scaling, log_limit=99.0)
    assert (1 + scaled).sum() == pytest.approx((1 + tokens).sum(), rel=1e-3)


def test_few_outcomes_hardly_move_the_scale() -> None:
    predicted, tokens = draw(8, power=2.0)
    assert fit_token_scaling(predicted, tokens, np.ones(8)).scale == pytest.approx(1.0, abs=0.3)


def test_equal_predictions_keep_their_scale() -> None:
    scaling = fit_token_scaling(np.full(50, 9.0), np.full(50, 19.0), np.ones(50))
    assert scaling.scale == pytest.approx(1.0)
    assert scale_tokens(np.array([9.0]), *scaling, log_limit=99.0) == pytest.approx([19.0])


def test_weight_counts_as_repetition() -> None:
    predicted, tokens = draw(60, power=1.5)
    weight = np.where(np.arange(60) < 20, 3.0, 1.0)
    repeated = np.repeat(np.arange(60), weight.astype(int))
    by_weight = fit_token_scaling(predicted, tokens, weight)
    by_copies = fit_token_scaling(predicted[repeated], tokens[repeated], np.ones(len(repeated)))
    assert by_weight == pytest.approx(by_copies, abs=1e-6)


def test_a_power_does_not_run_away() -> None:
    tokens = scale_tokens(np.array([0.0, 1e6]), 2.0, 0.0, log_limit=np.log1p(500.0))
    assert tokens == pytest.approx([0.0, 500.0])
    assert scale_tokens(np.array([3.0]), *TokenScaling(), log_limit=99.0) == pytest.approx([3.0])
