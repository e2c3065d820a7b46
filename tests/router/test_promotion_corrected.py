"""After an alarm a challenger has to beat more than the alarm's correction."""

import numpy as np
from numpy.typing import NDArray

from router.promotion.comparison import HeldOut, measure
from router.promotion.corrected import correct_anew, pick_closer
from router.promotion.gate import GateVerdict, Rival, judge_at_gate
from router.promotion.rivals import Foreseen

OUTCOMES = 150
FOLD = np.arange(OUTCOMES) % 5


def squash(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-odds)))


def make_rows(seed: int, *, fall: float) -> tuple[HeldOut, NDArray[np.float64]]:
    """Outcomes of a strategy that fell by so much, and the log-odds that its champion knows from before."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(1.5, 1.3, OUTCOMES)
    rows = HeldOut(
        correct=(rng.random(OUTCOMES) < squash(odds - fall)).astype(np.float64),
        cost=np.ones(OUTCOMES),
        weight=np.ones(OUTCOMES),
        window=np.arange(OUTCOMES) // 5,
    )
    return rows, odds


def foresee(odds: NDArray[np.float64]) -> Foreseen:
    return Foreseen(accuracy=squash(odds), cost=np.ones(OUTCOMES))


def foresee_means(rows: HeldOut) -> Foreseen:
    """A pair of a few outcomes knows little more."""
    accuracy = np.array([rows.correct[fold != FOLD].mean() for fold in FOLD])
    return Foreseen(accuracy=accuracy, cost=np.ones(OUTCOMES))


def judge(rows: HeldOut, champion: Foreseen) -> GateVerdict:
    return judge_at_gate(rows, foresee_means(rows), {Rival.CHAMPION: champion}).verdict


def test_an_alarm_that_corrects_by_far_too_much_proves_nothing() -> None:
    verdicts = []
    for seed in range(10):
        rows, odds = make_rows(seed, fall=0.0)
        served = foresee(odds - 3)
        assert judge(rows, served) is GateVerdict.PROVEN
        verdicts.append(judge(rows, pick_closer(rows, served, correct_anew(rows, foresee(odds), FOLD))))
    assert GateVerdict.PROVEN not in verdicts


def test_a_true_fall_is_corrected_by_its_own_outcomes() -> None:
    rows, odds = make_rows(1, fall=1.5)
    anew = correct_anew(rows, foresee(odds), FOLD)
    assert measure(rows, anew).log_loss < measure(rows, foresee(odds)).log_loss - 0.1
    assert abs(float((anew.accuracy - rows.correct).mean())) < 0.08
    served = foresee(odds - 1.5)
    assert pick_closer(rows, served, correct_anew(rows, foresee(odds), FOLD)) in (served, anew)


def test_no_outcome_moves_its_own_prediction() -> None:
    rows, odds = make_rows(2, fall=1.0)
    changed = HeldOut(
        correct=np.where(FOLD == 2, 1 - rows.correct, rows.correct),
        cost=rows.cost,
        weight=rows.weight,
        window=rows.window,
    )
    before, after = (correct_anew(own, foresee(odds), FOLD).accuracy for own in (rows, changed))
    assert (before[FOLD == 2] == after[FOLD == 2]).all()
    assert (before[FOLD != 2] != after[FOLD != 2]).all()


def test_of_one_fold_nothing_is_corrected() -> None:
    rows, odds = make_rows(3, fall=1.0)
    anew = correct_anew(rows, foresee(odds), np.zeros(OUTCOMES, dtype=np.intp))
    np.testing.assert_allclose(anew.accuracy, squash(odds), atol=1e-6)
