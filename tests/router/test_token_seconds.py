"""The fit of seconds per token: exact where it can be, never below 0, and open about its error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from router.errors import TariffError
from router.token_seconds import MeasuredWave, fit_token_seconds

SECONDS = st.floats(min_value=1e-6, max_value=1e-2)
COUNTS = st.integers(1, 10**5)


def waves_of(counts: list[tuple[int, int]], seconds: list[float]) -> list[MeasuredWave]:
    return [MeasuredWave(8, *count, taken) for count, taken in zip(counts, seconds, strict=True)]


@given(SECONDS, SECONDS)
def test_what_tokens_take_is_found_exactly(prompt: float, output: float) -> None:
    counts = [(100, 800), (2000, 80), (2000, 800), (100, 80)]
    fitted = fit_token_seconds(waves_of(counts, [prompt * p + output * o for p, o in counts]))
    assert fitted.prompt == pytest.approx(prompt, rel=1e-6, abs=1e-12)
    assert fitted.output == pytest.approx(output, rel=1e-6, abs=1e-12)
    assert fitted.fit_error < 1e-6


@given(st.lists(st.tuples(COUNTS, COUNTS, st.floats(0.01, 100)), min_size=3, max_size=8))
def test_the_fit_is_the_non_negative_least_squares(measured: list[tuple[int, int, float]]) -> None:
    waves = [MeasuredWave(1, *wave) for wave in measured]
    shares = np.array([[p / seconds, o / seconds] for p, o, seconds in measured])
    if np.linalg.cond(shares) > 1e5:
        return
    oracle, residual = nnls(shares, np.ones(len(measured)))
    fitted = fit_token_seconds(waves)
    assert min(fitted.prompt, fitted.output) >= 0
    assert fitted.fit_error == pytest.approx(residual / len(measured) ** 0.5, rel=1e-6, abs=1e-9)
    assert [fitted.prompt, fitted.output] == pytest.approx(oracle.tolist(), rel=1e-5, abs=1e-12)


def test_a_time_that_prompts_would_explain_with_a_negative_price_gives_them_none() -> None:
    fitted = fit_token_seconds(waves_of([(10, 10), (1000, 10), (10, 20)], [1.0, 0.5, 2.0]))
    assert fitted.prompt == 0
    assert fitted.output > 0
    assert fitted.fit_error > 0.1


@pytest.mark.parametrize(
    ("waves", "says"),
    [
        ([], "took no time"),
        ([MeasuredWave(1, 10, 10, 0.0)], "took no time"),
        ([MeasuredWave(1, 10, 20, 1.0), MeasuredWave(1, 100, 200, 3.0)], "can not be told apart"),
    ],
)
def test_waves_that_tell_nothing_are_refused(waves: list[MeasuredWave], says: str) -> None:
    with pytest.raises(TariffError, match=says):
        fit_token_seconds(waves)
