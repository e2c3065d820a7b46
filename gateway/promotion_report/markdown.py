"""A version's page as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.promotion_report.gather import PromotionReport
from gateway.promotion_report.sentences import say_finding, say_kind, say_why
from gateway.report.amounts import UNKNOWN, CostScale, choose_scale
from router.figures import Fallback
from router.promotion.gate import GateReason
from router.promotion.trial import ALPHA, HORIZON_LABELS
from router.units import Unit

ERRORS = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "cost_error": "cost error",
}
POLICIES = {"challenger": "this version and the other champions", "champion": "the champions"}
RIVALS = ("champion", "neighbours", "constant")


def write_markdown(report: PromotionReport, *, plots: Mapping[str, str]) -> str:
    """The page; `plots` are titles and the files that they are in."""
    version = report.version
    figures = version.figures or {}
    why = say_why(report.report, state=version.state)
    parts = [
        f"# {version.strategy}, version {version.version}: {version.state.value.replace('_', ' ')}",
        f"Predictor {version.id} of {version.created_at:%Y-%m-%d %H:%M} UTC, learnt from "
        f"{figures.get('outcomes', UNKNOWN)} outcomes{_say_stand_in(figures)}. {why[:1].upper()}{why[1:]}".rstrip(),
        *_write_gate(report),
        *_write_policies(report),
        *_write_trial(report),
        *_write_live(report),
        *_write_choices(report),
        *(f"![{title}]({file})" for title, file in plots.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _say_stand_in(figures: Mapping[str, Any]) -> str:
    """What serves instead of a pair of the strategy's own; nothing where that is it."""
    kind = say_kind(figures)
    return f" ({kind})" if kind and figures["fallback"] != Fallback.NONE else ""


def _write_gate(report: PromotionReport) -> list[str]:
    gate = report.gate
    if gate is None:
        return []
    heading = f"## At the gate: {gate['verdict']}"
    reasons = "\n".join(f"- {say_finding(finding)} ({_measure(finding)})" for finding in gate["findings"])
    if gate["challenger"] is None:
        return [heading, reasons]
    rows = [
        (words, _say(gate["challenger"][name]), *(_say(gate["comparisons"][who]["rival"][name]) for who in RIVALS))
        for name, words in ERRORS.items()
    ]
    beside = f"On {gate['outcomes']:,} outcomes that neither it nor the champion had learnt from; less is better."
    return [heading, reasons, f"{beside} {_say_look(gate)}".rstrip(), _write_table(("", "this version", *RIVALS), rows)]


def _say_look(gate: Mapping[str, Any]) -> str:
    """How sure this look had to be; nothing of one that was taken before that was kept."""
    look = gate.get("look")
    if look is None:
        return ""
    error, labels = f"{100 * look['proof_error']:.2g} %", f"{look['labels']:,}"
    return (
        f"Proven is a lower log loss at {error}, one-sided: what the {labels} labels since the champion learnt have "
        "earned and earlier looks at it have not used up."
    )


def _measure(finding: Mapping[str, Any]) -> str:
    if GateReason(finding["reason"]) is GateReason.TOO_FEW:
        return f"{finding['measured']:g}, at least {finding['limit']:g} are needed"
    return f"{_say(finding['measured'])}, {_say(finding['low'])} to {_say(finding['high'])}"


def _write_policies(report: PromotionReport) -> list[str]:
    policies = (report.report.get("gate") or {}).get("policies")
    if policies is None:
        return []
    says = (
        "Right answers and cost a task of choosing by either, from the draws of past jobs (doubly robust), at a price "
        "at which that costs what the past choices did. It decides nothing: it is far less sure than a trial."
    )
    estimates = [policies[name]["value"] for name in POLICIES]
    dearest = max((estimate["cost"]["mean"] for estimate in estimates if estimate is not None), default=0.0)
    scale = choose_scale(Unit(policies["unit"]), dearest)
    rows = [(words, *_say_policy(policies[name], scale)) for name, words in POLICIES.items()]
    heading = ("choosing by", "right, %", f"cost, {scale.label}", "worth so many drawn tasks")
    return ["## The whole policy", says, _write_table(heading, rows)]


def _say_policy(estimate: Mapping[str, Any], scale: CostScale) -> tuple[str, str, str]:
    rows = f"{estimate['support']['effective_rows']:,.0f}"
    if estimate["value"] is None:
        return "no claim", "no claim", rows
    accuracy, cost = estimate["value"]["accuracy"], estimate["value"]["cost"]
    error = cost["standard_error"]
    return (
        f"{_say_points(accuracy['mean'])} ± {_say_points(accuracy['standard_error'])}",
        f"{scale.value(cost['mean']):.4g} ± {UNKNOWN if error is None else format(scale.value(error), '.2g')}",
        rows,
    )


def _write_trial(report: PromotionReport) -> list[str]:
    if report.trial is None:
        return []
    verdict = report.trial.verdict or "goes on"
    says = (
        f"Tasks on which it and the champion disagreed went to either by lot. Over all looks a challenger that is no "
        f"better passes with a chance of {ALPHA:.0%}; the trial ends after {HORIZON_LABELS:,} labels."
    )
    rows = [
        (
            f"{look['labels']:,}",
            f"{100 * look['policy_gain']['mean']:+.2f} ± {_say_points(look['policy_gain']['standard_error'])}",
            _say(look["score"]),
            _say(look["boundary"]),
            look["verdict"],
        )
        for look in report.looks
    ]
    table = _write_table(("labels", "points over all tasks", "score", "needed", "verdict"), rows)
    return [f"## Trial {report.trial.id}: {verdict}", says, *([table] if rows else [])]


def _write_live(report: PromotionReport) -> list[str]:
    if not report.live:
        return []
    rows = [
        (
            f"{look['outcomes']:,}",
            *(_say_miss(look["misses"], band) for band in ("low", "middle", "high")),
            _say_loss(look["loss_since"]),
            look["verdict"].replace("_", " "),
        )
        for look in report.live
    ]
    heading = ("outcomes", "predicted low", "middle", "high", "log loss", "verdict")
    says = (
        "Right answers less predicted ones by predicted accuracy, in points, and what was promised; log loss less that "
        "of the version before."
    )
    return ["## Since it serves", says, _write_table(heading, rows)]


def _write_choices(report: PromotionReport) -> list[str]:
    choices = report.report.get("by_hand") or []
    lines = [
        f"- {choice['at'][:16].replace('T', ' ')} UTC: version {choice['version']}, {choice['by']}"
        for choice in choices
    ]
    return ["## Chosen by hand", "\n".join(lines)] if lines else []


def _say_miss(misses: Sequence[Mapping[str, Any]], band: str) -> str:
    for miss in misses:
        if miss["band"] == band:
            return f"{100 * miss['live']['mean']:+.1f} ({100 * miss['promised']:+.1f})"
    return UNKNOWN


def _say_loss(since: Mapping[str, Any] | None) -> str:
    return UNKNOWN if since is None or since["mean"] is None else f"{since['mean']:+.4f}"


def _say(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.4f}"


def _say_points(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.2f}"


def _write_table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heading), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
