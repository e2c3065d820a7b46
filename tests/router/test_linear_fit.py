"""The linear head against the textbook's formula, and what it must not know."""

import numpy as np
import pytest
from numpy.typing import NDArray

from router.linear import ACCURACY, LOG_TOKENS, constant_linear
from router.linear_fit import Lines, fit_linear
from router.outcome_rows import OutcomeRows, arrange_outcomes

FOLDS, PENALTY = 4, 2.5

Floats = NDArray[np.float64]


def draw_rows(count: int, *, seed: int, weight: Floats | None = None) -> OutcomeRows:
    generator = np.random.default_rng(seed)
    embeddings = generator.normal(size=(count, 6)).astype(np.float32)
    correct = (generator.random(count) < 1 / (1 + np.exp(-embeddings[:, 0]))).astype(np.float64)
    tokens = np.ceil(np.exp(3 + embeddings[:, 1]))
    return arrange_outcomes(embeddings, correct, tokens, weight, folds=FOLDS)


def solve_ridge(
    rows: OutcomeRows, seen: NDArray[np.bool_], target: Floats, penalty: float = PENALTY
) -> tuple[Floats, float]:
    """Slope and intercept by centring, as the textbook has it."""
    tasks, weight = rows.embeddings[seen].astype(np.float64), rows.weight[seen]
    center, level = np.average(tasks, axis=0, weights=weight), np.average(target[seen], weights=weight)
    centred = tasks - center
    gram = centred.T @ (centred * weight[:, np.newaxis]) + penalty * np.eye(tasks.shape[1])
    slope = np.linalg.solve(gram, centred.T @ (weight * (target[seen] - level)))
    return slope, float(level - center @ slope)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_ridge_regression(weighted: bool) -> None:
    weight = np.random.default_rng(5).random(60) + 0.5 if weighted else None
    rows = draw_rows(60, seed=1, weight=weight)
    fit = fit_linear(Lines(rows, folds=FOLDS), penalty=PENALTY)
    for row, target in ((ACCURACY, rows.correct), (LOG_TOKENS, np.log1p(rows.output_tokens))):
        slope, intercept = solve_ridge(rows, np.ones(len(rows), dtype=bool), target)
        assert np.allclose(fit.head.weight[row], slope, atol=1e-5)
        assert fit.head.bias[row] == pytest.approx(intercept, abs=1e-5)


def test_a_row_is_judged_by_what_was_learnt_without_its_fold() -> None:
    rows = draw_rows(60, seed=2)
    fit = fit_linear(Lines(rows, folds=FOLDS), penalty=PENALTY)
    predicted = np.empty(len(rows))
    for fold in range(FOLDS):
        slope, intercept = solve_ridge(rows, rows.fold != fold, rows.correct)
        predicted[rows.fold == fold] = rows.embeddings[rows.fold == fold] @ slope + intercept
    assert np.allclose(fit.accuracy, np.clip(predicted, 0, 1), atol=1e-9)


def test_each_penalty_on_the_same_rows_has_its_own_line() -> None:
    rows = draw_rows(60, seed=6)
    lines, everything = Lines(rows, folds=FOLDS), np.ones(len(rows), dtype=bool)
    for penalty in (PENALTY, 100.0, PENALTY):
        line = lines.fit(rows.correct, penalty=penalty)
        slope, intercept = solve_ridge(rows, everything, rows.correct, penalty)
        assert np.allclose(line.coefficients, [*slope, intercept], atol=1e-8)


def test_smearing_makes_the_total_of_tokens_right() -> None:
    rows = draw_rows(400, seed=3)
    head = fit_linear(Lines(rows, folds=FOLDS), penalty=PENALTY).head
    log_tokens = np.clip(rows.embeddings @ head.weight[LOG_TOKENS] + head.bias[LOG_TOKENS], 0, head.log_tokens_limit)
    assert (head.smearing * np.exp(log_tokens)).sum() == pytest.approx((1 + rows.output_tokens).sum(), rel=0.05)


def test_a_constant_accuracy_leaves_the_tokens_alone() -> None:
    head = fit_linear(Lines(draw_rows(60, seed=4), folds=FOLDS), penalty=PENALTY).head
    constant = head.with_constant_accuracy(0.9)
    assert not constant.weight[ACCURACY].any()
    assert constant.bias[ACCURACY] == np.float32(0.9)
    assert np.array_equal(constant.weight[LOG_TOKENS], head.weight[LOG_TOKENS])
    assert not constant_linear(6, accuracy=0.5, log_tokens=2.0).weight.any()
