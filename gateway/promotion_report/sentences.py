"""Why a version stands as it does, in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.states import PredictorState
from router.figures import Fallback
from router.promotion.gate import GateReason, GateVerdict
from router.promotion.rollback import LiveVerdict
from router.promotion.trial import LABELS_A_DAY

GATE = {
    GateReason.TOO_FEW: "too few outcomes that neither it nor the champion had learnt from",
    GateReason.LOSS_LIKELY_HIGHER: "likely higher log loss on these few",
    GateReason.LOSS_LOWER: "lower log loss",
    GateReason.LOSS_NOT_LOWER: "no lower log loss",
    GateReason.LOSS_HIGHER: "surely higher log loss",
    GateReason.BRIER_HIGHER: "surely higher Brier score",
    GateReason.CALIBRATION_WORSE: "surely worse calibrated",
    GateReason.COST_WORSE: "surely worse at costs",
}
LIVE = {
    LiveVerdict.ROLL_BACK: "missed what was promised of it",
    LiveVerdict.WORSE: "surely higher log loss than the version before",
}
GROWN = "learnt from so many more labels than the champion that it serves unless it is surely worse"
GROWN_MEANWHILE = "learnt from so many more labels than the champion that it would serve, but for its strategy's trial"
TOO_FEW = "too few labels a day for a trial"
TOO_FAST = "its labels still grow too fast for a trial"

KINDS = {
    Fallback.NONE: "own outcomes",
    Fallback.CONSTANT_ACCURACY: "constant accuracy",
    Fallback.COLD_START: "cold start",
    Fallback.IMPUTED: "cold start, imputed",
    Fallback.CONSTANT: "constants",
}


def say_kind(figures: Mapping[str, Any]) -> str:
    """Whether a version was taught by its strategy's own outcomes, or what stands in for that; empty where unknown."""
    return KINDS[Fallback(figures["fallback"])] if "fallback" in figures else ""


def say_why(report: Mapping[str, Any], *, state: PredictorState) -> str:
    """The reason that weighed most; empty where none was written down."""
    return _say_choice(report.get("by_hand") or [], state=state) or _say_live(report) or _say_at_first(report, state)


def _say_live(report: Mapping[str, Any]) -> str:
    live = report.get("live") or []
    if live and live[-1]["verdict"] in LIVE:
        return f"{LIVE[live[-1]['verdict']]} on {live[-1]['outcomes']:,} live outcomes"
    return ""


def _say_at_first(report: Mapping[str, Any], state: PredictorState) -> str:
    gate = (report.get("gate") or {}).get("report")
    if report.get("overtaken"):
        return "another version began to serve while it was judged"
    if gate is None:
        return _say_without_gate(report)
    if state in (PredictorState.CANDIDATE, PredictorState.ON_TRIAL):
        return "passed the gate"
    if report["gate"].get("has_grown") and state is PredictorState.HELD:
        return GROWN_MEANWHILE
    if report["gate"].get("has_grown") and gate["verdict"] in (GateVerdict.TRIAL, GateVerdict.HOLD):
        return GROWN
    return _say_of_gate(report)


def _say_choice(choices: Sequence[Mapping[str, Any]], *, state: PredictorState) -> str:
    """Whose choice made it what it is; nothing where something else did since."""
    if not choices:
        return ""
    last = choices[-1]
    if state is PredictorState.CHAMPION and last["serves"]:
        return f"chosen by hand ({last['by']})"
    if state is PredictorState.RETIRED and not last["serves"]:
        return f"made way for version {last['version']} by hand ({last['by']})"
    return ""


def _say_without_gate(report: Mapping[str, Any]) -> str:
    if report.get("beside") is not None:
        return "serves at once: there was no sound pair before it that it could be compared with"
    return "the first pair of its strategy" if report else ""


def _say_of_gate(report: Mapping[str, Any]) -> str:
    gate, has_trials = report["gate"]["report"], bool(report.get("has_trials"))
    is_fast = report.get("is_growing") and report["labels_a_day"] >= LABELS_A_DAY
    without = TOO_FAST if is_fast else TOO_FEW
    verdict = GateVerdict(gate["verdict"])
    if verdict is GateVerdict.PROVEN and not has_trials:
        return f"surely lower log loss; {without}"
    if verdict in (GateVerdict.PROVEN, GateVerdict.TRIAL):
        return "its trial decided" if has_trials else f"lower log loss, but not surely; {without}"
    return "; ".join(say_finding(finding) for finding in gate["findings"][:2])


def say_finding(finding: Mapping[str, Any]) -> str:
    """One reason of the gate, with whom it is about."""
    words = GATE[GateReason(finding["reason"])]
    return words if finding["rival"] is None else f"{words} than the {finding['rival']}"
