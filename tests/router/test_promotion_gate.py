"""The gate, its rivals and the way back: verdicts on predictors whose faults are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.promotion.comparison import HeldOut, measure
from router.promotion.gate import (
    LEAST_OUTCOMES,
    GateLook,
    GateReason,
    GateReport,
    GateVerdict,
    Rival,
    judge_at_gate,
    list_rivals,
)
from router.promotion.rivals import Foreseen, Past, foresee_by_neighbours, foresee_constant
from router.promotion.rollback import FIRST_LOOK, LiveOutcomes, LiveVerdict, check_live, find_look, promise
from router.promotion.unseen import find_unseen
from router.scoring import brier_score, expected_calibration_error, log_loss

Floats = NDArray[np.float64]


def squash(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds)))


def make_rows(seed: int, outcomes: int = 2000) -> tuple[HeldOut, Floats]:
    """Outcomes, and the true log-odds behind them."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.5, 1.3, outcomes)
    rows = HeldOut(
        correct=(rng.random(outcomes) < squash(odds)).astype(np.float64),
        cost=rng.lognormal(0, 0.5, outcomes),
        weight=np.ones(outcomes),
        window=np.arange(outcomes) // 50,
    )
    return rows, odds


def foresee(odds: Floats, *, error: float, seed: int, bias: float = 0.0, cost: float = 1.1) -> Foreseen:
    wrong = np.random.default_rng(seed).normal(bias, error, len(odds))
    return Foreseen(accuracy=squash(odds + wrong), cost=np.full(len(odds), cost))


def judge(challenger: float, champion: float, *, bias: float = 0.0, cost: float = 1.1, seed: int = 1) -> GateReport:
    rows, odds = make_rows(seed)
    constant = Foreseen(accuracy=np.full(len(odds), rows.correct.mean()), cost=np.full(len(odds), 1.1))
    return judge_at_gate(
        rows,
        foresee(odds, error=challenger, seed=2, bias=bias, cost=cost),
        {Rival.CHAMPION: foresee(odds, error=champion, seed=3), Rival.CONSTANT: constant},
    )


def list_reasons(report: GateReport) -> set[tuple[GateReason, Rival | None]]:
    return {(finding.reason, finding.rival) for finding in report.findings}


def test_a_challenger_that_is_much_better_is_proven() -> None:
    report = judge(0.2, 1.2)
    assert report.verdict is GateVerdict.PROVEN
    assert list_reasons(report) == {(GateReason.LOSS_LOWER, Rival.CHAMPION)}


def test_a_look_that_may_err_less_often_has_to_see_more() -> None:
    rows, odds = make_rows(1)
    challenger, rivals = foresee(odds, error=0.3, seed=2), {Rival.CHAMPION: foresee(odds, error=0.7, seed=3)}
    verdicts = [
        judge_at_gate(rows, challenger, rivals, look=GateLook(labels=2000, proof_error=error)).verdict
        for error in (0.05, 1e-8, 0.0)
    ]
    assert verdicts == [GateVerdict.PROVEN, GateVerdict.TRIAL, GateVerdict.TRIAL]


def test_a_challenger_that_may_be_better_goes_on_trial() -> None:
    assert judge(0.55, 0.6).verdict is GateVerdict.TRIAL


def test_a_challenger_that_shows_no_gain_is_held() -> None:
    assert judge(0.6, 0.57).verdict is GateVerdict.HOLD


def test_a_challenger_that_is_surely_worse_is_rejected_with_every_reason() -> None:
    report = judge(0.5, 0.3, bias=1.0)
    assert report.verdict is GateVerdict.REJECT
    assert {reason for reason, _ in list_reasons(report)} >= {GateReason.LOSS_HIGHER, GateReason.CALIBRATION_WORSE}


def test_a_challenger_that_loses_to_a_constant_and_may_be_no_better_is_rejected() -> None:
    report = judge(2.2, 2.25)
    assert report.verdict is GateVerdict.REJECT
    assert (GateReason.LOSS_HIGHER, Rival.CONSTANT) in list_reasons(report)


def test_losing_to_a_constant_is_told_and_keeps_no_champion_that_is_surely_worse_still() -> None:
    report = judge(2.2, 3.0)
    assert report.verdict is GateVerdict.PROVEN
    assert (GateReason.LOSS_HIGHER, Rival.CONSTANT) in list_reasons(report)


def test_a_challenger_that_misjudges_costs_is_rejected() -> None:
    report = judge(0.2, 1.2, cost=3.0)
    assert report.verdict is GateVerdict.REJECT
    assert (GateReason.COST_WORSE, Rival.CHAMPION) in list_reasons(report)


def test_few_outcomes_speak_against_what_is_much_worse_and_hardly_ever_against_what_is_not() -> None:
    told = {0.6: 0, 2.5: 0}
    for seed in range(40):
        rows, odds = make_rows(seed, outcomes=80)
        rows = replace(rows, window=np.arange(80) // 20)
        for error in told:
            challenger = foresee(odds, error=error, seed=1000 + seed)
            report = judge_at_gate(rows, challenger, {Rival.CHAMPION: foresee(odds, error=0.6, seed=2000 + seed)})
            assert report.verdict is GateVerdict.HOLD
            told[error] += (GateReason.LOSS_LIKELY_HIGHER, Rival.CHAMPION) in list_reasons(report)
    assert told[0.6] <= 8
    assert told[2.5] >= 32


def test_too_few_outcomes_decide_nothing() -> None:
    rows, odds = make_rows(1, LEAST_OUTCOMES - 1)
    sure = foresee(odds, error=0.0, seed=2)
    report = judge_at_gate(rows, sure, {Rival.CHAMPION: foresee(odds, error=3.0, seed=3)})
    assert (report.verdict, report.findings[0].reason) == (GateVerdict.HOLD, GateReason.TOO_FEW)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_figures_are_those_of_the_scores(seed: int) -> None:
    rows, odds = make_rows(seed, 300)
    foreseen = foresee(odds, error=0.5, seed=seed)
    found = measure(rows, foreseen)
    assert found.log_loss == pytest.approx(log_loss(foreseen.accuracy, rows.correct))
    assert found.brier == pytest.approx(brier_score(foreseen.accuracy, rows.correct))
    assert found.calibration_error == pytest.approx(expected_calibration_error(foreseen.accuracy, rows.correct))


def test_challengers_no_better_than_their_champion_are_seldom_proven() -> None:
    proven = 0
    for seed in range(200):
        rows, odds = make_rows(seed, 1000)
        ours, theirs = (foresee(odds, error=0.6, seed=1000 * seed + side) for side in (1, 2))
        proven += judge_at_gate(rows, ours, {Rival.CHAMPION: theirs}).verdict is GateVerdict.PROVEN
    assert proven <= 18  # 10 expected: one side of 90 %


def test_rivals_see_nothing_of_the_fold_that_they_are_asked_about() -> None:
    rng = np.random.default_rng(4)
    fold = rng.integers(0, 5, 400)
    past = Past(
        embeddings=rng.normal(size=(400, 8)).astype(np.float32),
        correct=rng.random(400),
        cost=rng.random(400),
        weight=rng.uniform(1, 3, 400),
        fold=fold,
    )
    changed = replace(past, correct=np.where(fold == 2, 1 - past.correct, past.correct))
    everything = np.ones(400, dtype=bool)
    for foresee_them in (foresee_constant, foresee_by_neighbours):
        before, after = foresee_them(past, everything), foresee_them(changed, everything)
        some = foresee_them(past, fold < 2)
        assert (some.accuracy == before.accuracy[fold < 2]).all()
        assert (before.accuracy[fold == 2] == after.accuracy[fold == 2]).all()
        assert (before.accuracy[fold != 2] != after.accuracy[fold != 2]).any()


def test_where_all_outcomes_lie_in_one_fold_the_champion_alone_is_to_be_beaten() -> None:
    """All answers to one task are held out together: nothing else is known to foresee them by."""
    rows, odds = make_rows(5, outcomes=120)
    past = Past(
        embeddings=np.ones((120, 8), dtype=np.float32),
        correct=rows.correct,
        cost=rows.cost,
        weight=rows.weight,
        fold=np.full(120, 3),
    )
    rivals = list_rivals(foresee(odds, error=1.5, seed=3), past, np.ones(120, dtype=bool))
    assert list(rivals) == [Rival.CHAMPION]
    assert judge_at_gate(rows, foresee(odds, error=0.2, seed=2), rivals).verdict is GateVerdict.PROVEN
    divided = replace(past, fold=np.arange(120) % 5)
    assert set(list_rivals(foresee(odds, error=1.5, seed=3), divided, np.ones(120, dtype=bool))) == set(Rival)


def make_live(seed: int, outcomes: int, *, truth: float, champion: float, earlier: float) -> LiveOutcomes:
    """Outcomes whose log-odds are moved by `truth`, and predictions of both versions that expect other moves."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.3, 1.2, outcomes)
    return LiveOutcomes(
        correct=(rng.random(outcomes) < squash(odds + truth)).astype(np.float64),
        weight=np.ones(outcomes),
        window=np.arange(outcomes) // 25,
        champion=squash(odds + champion),
        earlier=squash(odds + earlier),
    )


def check(
    live: LiveOutcomes,
    promised: tuple[float, ...] = (0.0, 0.0, 0.0),
    looks_taken: int = 0,
    *,
    is_proven: bool = True,
) -> LiveVerdict:
    return check_live(live, promised=promised, looks_taken=looks_taken, is_proven=is_proven).verdict


def test_a_champion_that_was_wrong_about_live_tasks_goes_back() -> None:
    assert check(make_live(1, 800, truth=-1.0, champion=0.0, earlier=-0.9)) is LiveVerdict.ROLL_BACK


def test_a_champion_whose_strategy_changed_stays_for_want_of_a_better_one() -> None:
    assert check(make_live(1, 800, truth=-1.5, champion=0.0, earlier=0.5)) is LiveVerdict.DRIFTED


def test_a_miss_that_the_report_promised_is_no_breach() -> None:
    live = make_live(1, 800, truth=-0.6, champion=0.0, earlier=-0.6)
    known = promise(live.correct, live.champion, live.weight)
    assert min(known) < -0.05
    assert check(live, known) is LiveVerdict.KEPT


def test_a_champion_goes_when_it_keeps_its_promise_and_is_surely_worse_all_the_same() -> None:
    live = make_live(1, 800, truth=-1.0, champion=0.0, earlier=-1.0)
    known = promise(live.correct, live.champion, live.weight)
    assert check(live, known, is_proven=False) is LiveVerdict.WORSE
    assert check(live, known, is_proven=True) is LiveVerdict.WORSE


def test_of_a_proven_champion_live_answers_have_to_be_surer() -> None:
    live = make_live(1, 800, truth=-0.6, champion=0.0, earlier=-0.6)
    known = promise(live.correct, live.champion, live.weight)
    assert check(live, known, is_proven=False) is LiveVerdict.WORSE
    assert check(live, known, is_proven=True) is LiveVerdict.KEPT


@pytest.mark.parametrize(("is_proven", "least"), [(False, 95), (True, 99)])
def test_what_is_no_worse_than_the_version_before_stays(is_proven: bool, least: int) -> None:
    looks = [
        check(make_live(seed, 1600, truth=0.0, champion=0.1, earlier=-0.1), looks_taken=4, is_proven=is_proven)
        for seed in range(100)
    ]
    assert looks.count(LiveVerdict.KEPT) >= least


def test_looks_are_taken_at_every_doubling() -> None:
    assert [find_look(outcomes) for outcomes in (0, 99, 100, 199, 200, 799, 800)] == [0, 0, 1, 1, 2, 3, 4]
    live = make_live(1, FIRST_LOOK + 50, truth=-3.0, champion=0.0, earlier=-3.0)
    assert check(live, looks_taken=1) is LiveVerdict.WAIT


def test_good_champions_stay() -> None:
    kept = sum(
        check(make_live(seed, 100 * 2 ** (seed % 6), truth=0.1, champion=0.0, earlier=0.1), looks_taken=seed % 6)
        is LiveVerdict.KEPT
        for seed in range(300)
    )
    assert kept == 300


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30))
def test_a_row_is_unseen_where_no_older_row_is_of_its_task(rows: list[tuple[int, bool]]) -> None:
    tasks = np.array([[task, 1] for task, _ in rows], dtype=np.float32).reshape(-1, 2)
    is_new = np.array([new for _, new in rows], dtype=bool)
    known = {task for task, new in rows if not new}
    assert find_unseen(tasks, is_new).tolist() == [new and task not in known for task, new in rows]


def test_a_champion_that_remembers_answers_seems_better_only_on_tasks_that_come_again() -> None:
    rows, odds = make_rows(seed=7)
    is_again = np.arange(len(odds)) % 2 == 0
    challenger = foresee(odds, error=0.2, seed=2)
    remembered = squash(odds + np.where(is_again, 2 * rows.correct - 1, 0.0))
    champion = Foreseen(accuracy=remembered, cost=challenger.cost)
    everything = judge_at_gate(rows, challenger, {Rival.CHAMPION: champion})
    number = np.where(is_again, np.arange(len(odds)), -1 - np.arange(len(odds))).astype(np.float32)[:, np.newaxis]
    asked = np.concatenate((number[is_again], number))  # first by who learns, then by who is judged
    unseen = find_unseen(asked, np.arange(len(asked)) >= is_again.sum())[is_again.sum() :]
    assert unseen.tolist() == (~is_again).tolist()
    fair = judge_at_gate(rows.take(unseen), challenger.take(unseen), {Rival.CHAMPION: champion.take(unseen)})
    assert everything.verdict is GateVerdict.REJECT
    assert fair.comparisons[Rival.CHAMPION].log_loss.mean < everything.comparisons[Rival.CHAMPION].log_loss.mean / 4
