"""A version's page: what the gate, a trial and live outcomes said of it, in words, tables and plots."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from db.predictors import PredictorVersion
from db.states import PredictorState
from gateway.commands.predictors import draw_predictors, tell_report
from gateway.promotion_report.gather import PromotionReport, TrialSeen
from gateway.promotion_report.markdown import write_markdown
from gateway.promotion_report.plots import CALIBRATION, TRIAL, draw_plots
from gateway.promotion_report.sentences import say_why
from gateway.report.plots.svg_file import as_file
from router.promotion.comparison import HeldOut
from router.promotion.gate import GateVerdict, Rival, judge_at_gate
from router.promotion.reliability import trace_reliability
from router.promotion.report_json import to_json
from router.promotion.rivals import Foreseen
from router.promotion.rollback import LiveOutcomes, check_live
from router.promotion.trial import LABELS_A_DAY, TrialRows, judge_trial
from worker.gate import Judged

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


def make_gate(*, better: bool, outcomes: int = 1000) -> dict[str, Any]:
    """What a version's report has of a gate, as it comes out of the database."""
    rng = np.random.default_rng(1)
    likely = rng.random(outcomes)
    correct = (rng.random(outcomes) < likely).astype(np.float64)
    ones, window = np.ones(outcomes), np.arange(outcomes) // 20
    rows = HeldOut(correct=correct, cost=ones, weight=ones, window=window)
    sharp, flat = Foreseen(accuracy=likely, cost=ones), Foreseen(accuracy=ones / 2, cost=ones)
    challenger, champion = (sharp, flat) if better else (flat, sharp)
    rivals = {Rival.CHAMPION: champion, Rival.NEIGHBOURS: flat, Rival.CONSTANT: flat}
    judged = Judged(
        report=judge_at_gate(rows, challenger, rivals),
        promised=(0.01, -0.02, 0.0),
        challenger_curve=trace_reliability(rows, challenger),
        champion_curve=trace_reliability(rows, champion),
        has_grown=False,
        champion_labels=800,
    )
    stored: dict[str, Any] = json.loads(json.dumps(to_json(judged), allow_nan=False))
    return stored


def make_trial() -> TrialSeen:
    rng = np.random.default_rng(2)
    side = rng.random(1000) < 0.5
    rows = TrialRows(
        challenged=side,
        correct=(rng.random(1000) < 0.4 + 0.3 * side).astype(np.float64),
        spent=np.zeros(1000),
        expected=np.full(1000, 0.5),
        window=np.arange(1000) // 25,
    )
    look = json.loads(json.dumps(to_json(judge_trial(rows, disagreement=0.2)), allow_nan=False))
    return TrialSeen(id=4, verdict="promote", looks=[look])


def make_report(**given: Any) -> PromotionReport:
    version = PredictorVersion(
        id=7,
        strategy="small",
        spec_hash="h",
        version=3,
        encoder="e",
        state=PredictorState.CHAMPION,
        figures={"outcomes": 1234},
        created_at=MOMENT,
    )
    stored = {"has_trials": True, "gate": make_gate(better=True)}
    return replace(PromotionReport(version=version, report=stored, trial=make_trial()), **given)


def test_a_page_has_the_gate_and_the_trial_with_their_plots() -> None:
    report = make_report()
    plots = draw_plots(report)
    assert set(plots) == {CALIBRATION, TRIAL}
    assert all("<svg" in svg for svg in plots.values())
    page = write_markdown(report, plots={CALIBRATION: "calibration.svg"})
    assert "# small, version 3: champion" in page
    assert "## At the gate: proven" in page
    assert "- lower log loss than the champion" in page
    assert "| log loss |" in page
    assert "Proven is a lower log loss at 5 %, one-sided" in page
    assert "## Trial 4: promote" in page
    assert "| 1,000 | +" in page
    assert "![Calibration](calibration.svg)" in page


@pytest.mark.parametrize(
    ("fallback", "said"),
    [
        ("none", "learnt from 80 outcomes."),
        ("cold start", "learnt from 80 outcomes (cold start)."),
        ("imputed outcomes", "learnt from 80 outcomes (cold start, imputed)."),
    ],
)
def test_a_page_and_a_list_say_whether_a_cold_start_stands_in(fallback: str, said: str) -> None:
    report = make_report()
    version = replace(report.version, figures={**(report.version.figures or {}), "fallback": fallback, "outcomes": 80})
    assert said in write_markdown(replace(report, version=version), plots={})
    console = Console(file=StringIO(), width=120)
    console.print(draw_predictors([version]))
    listed = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert ("cold start" in listed) == (fallback != "none")


def test_a_plot_in_a_file_of_its_own_has_its_own_colours() -> None:
    svg = as_file(draw_plots(make_report())[CALIBRATION])
    assert "var(" not in svg
    assert svg.count("#1f5fbf") > 1  # the version's line and its points
    assert 'fill="#ffffff"' in svg  # the paper


def test_a_page_is_written_with_plots_that_can_be_seen_without_a_browsers_page(tmp_path: Path) -> None:
    tell_report(Console(file=StringIO()), make_report(), folder=tmp_path, as_json=False)
    names = {"report.md", "calibration.svg", "trial.svg"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert all("var(" not in (tmp_path / name).read_text() for name in names)


def test_the_values_of_whole_policies_are_told_where_the_log_can_speak_for_them() -> None:
    sure = {"mean": 0.61, "standard_error": 0.02, "rows": 500, "clusters": 20}
    support = {"effective_rows": 412.0, "largest_share": 0.01, "unseen": 0.0}
    known = {
        "support": support,
        "value": {"accuracy": sure, "cost": {**sure, "mean": 1500e12, "standard_error": 20e12}},
    }
    unknown = {"support": {**support, "effective_rows": 12.0}, "value": None}
    policies = {"cost": 1500e12, "unit": "USD", "champion": known, "challenger": unknown}
    report = make_report(report={"gate": {**make_gate(better=True), "policies": policies}})
    page = write_markdown(report, plots={})
    assert "| this version and the other champions | no claim | no claim | 12 |" in page
    assert "| cost, 1e3 USD |" in page
    assert "| the champions | 61.00 ± 2.00 | 1.5 ± 0.02 | 412 |" in page


def test_a_first_pair_has_nothing_to_be_compared_with() -> None:
    report = make_report(report={"state": "champion"}, trial=None)
    assert draw_plots(report) == {}
    assert "outcomes. The first pair of its strategy" in write_markdown(report, plots={})


def test_live_looks_are_told_beside_what_was_promised() -> None:
    rng = np.random.default_rng(3)
    likely = rng.random(800)
    live = LiveOutcomes(
        correct=(rng.random(800) < likely / 2).astype(np.float64),
        weight=np.ones(800),
        window=np.arange(800) // 20,
        champion=likely,
        earlier=likely / 2,
    )
    check = to_json(check_live(live, promised=(0.01, -0.02, 0.0), looks_taken=0, is_proven=True))
    report = make_report()
    report = replace(report, report={**report.report, "live": [json.loads(json.dumps(check, allow_nan=False))]})
    page = write_markdown(report, plots={})
    assert "| 800 |" in page
    assert "roll back |" in page
    assert f"| {check['loss_since']['mean']:+.4f} |" in page
    assert say_why(report.report, state=PredictorState.REJECTED).startswith("missed what was promised of it on 800")
    worse = {**report.report, "live": [{**check, "verdict": "worse"}]}
    assert say_why(worse, state=PredictorState.REJECTED) == (
        "surely higher log loss than the version before on 800 live outcomes"
    )


@pytest.mark.parametrize(
    ("report", "state", "why"),
    [
        ({}, PredictorState.RETIRED, ""),
        ({"state": "champion", "beside": 6}, PredictorState.CHAMPION, "serves at once: there was no sound pair"),
        ({"gate": make_gate(better=True), "overtaken": True}, PredictorState.HELD, "another version began to serve"),
        ({"gate": make_gate(better=True), "has_trials": True}, PredictorState.ON_TRIAL, "passed the gate"),
        ({"gate": make_gate(better=True), "has_trials": False}, PredictorState.CHAMPION, "surely lower log loss"),
        ({"gate": make_gate(better=False)}, PredictorState.REJECTED, "surely higher log loss than the champion"),
        ({"gate": make_gate(better=True, outcomes=20)}, PredictorState.HELD, "too few outcomes"),
        (
            {"gate": make_gate(better=True), "by_hand": [{"by": "ann", "version": 2, "serves": False}]},
            PredictorState.RETIRED,
            "made way for version 2 by hand (ann)",
        ),
        (
            {"gate": make_gate(better=True), "by_hand": [{"by": "ann", "version": 2, "serves": False}]},
            PredictorState.CHAMPION,  # again, and not by anybody's hand
            "surely lower log loss",
        ),
        (
            {"gate": make_gate(better=True, outcomes=20) | {"has_grown": True}},
            PredictorState.CHAMPION,
            "learnt from so many more labels than the champion that it serves",
        ),
        (
            {"gate": make_gate(better=True) | {"has_grown": True}, "is_tried": True},
            PredictorState.HELD,
            "learnt from so many more labels than the champion that it would serve, but for",
        ),
        (
            {"gate": make_gate(better=True), "is_growing": True, "labels_a_day": LABELS_A_DAY},
            PredictorState.CHAMPION,
            "surely lower log loss; its labels still grow too fast",
        ),
        (
            {"gate": make_gate(better=True), "is_growing": True, "labels_a_day": 20.0},
            PredictorState.CHAMPION,
            "surely lower log loss; too few labels a day",
        ),
    ],
)
def test_every_version_says_why(report: dict[str, Any], state: PredictorState, why: str) -> None:
    assert say_why(report, state=state).startswith(why)


def test_what_a_gate_could_not_know_is_told_as_that() -> None:
    gate = make_gate(better=True, outcomes=20)
    assert gate["report"]["verdict"] == GateVerdict.HOLD
    report = make_report(report={"gate": gate}, trial=None)
    assert "20, at least 100 are needed" in write_markdown(report, plots={})


def test_a_difference_that_is_the_same_everywhere_is_told_as_a_difference() -> None:
    gate = make_gate(better=False)
    finding = {
        "reason": "loss_higher",
        "rival": "constant",
        "measured": 0.002,
        "low": 0.002,
        "high": 0.002,
        "limit": 0.0,
    }
    gate["report"]["findings"] = [finding]
    page = write_markdown(make_report(report={"gate": gate}, trial=None), plots={})
    assert "- surely higher log loss than the constant (0.0020, 0.0020 to 0.0020)" in page
