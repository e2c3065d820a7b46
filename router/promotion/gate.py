"""The gate: what a challenger has to show on held-out recent outcomes before any traffic goes by it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from router.promotion.comparison import Comparison, HeldOut, PredictionErrors, compare, measure
from router.promotion.rivals import Foreseen, Past, foresee_by_neighbours, foresee_constant

LEAST_OUTCOMES = 100
LIKELY = 0.68  # confidence of what fewer outcomes say against a challenger: one standard error
CALIBRATION_SLACK = 0.02  # by which a challenger may surely be worse calibrated, for the rest it does better
COST_SLACK = 0.05  # by which its cost error may surely be larger
CONFIDENCE = 0.95  # of an objection
PROOF_ERROR = 0.05  # of challengers that are no better so many seem proven, where one look is all
LEAST_ERROR = 1e-9  # an interval is never wider than this leaves it


class Rival(StrEnum):
    """Who a challenger is compared with."""

    CHAMPION = "champion"  # the version that serves
    NEIGHBOURS = "neighbours"  # the mean of the hundred nearest outcomes
    CONSTANT = "constant"  # the mean of all outcomes


class GateVerdict(StrEnum):
    """What the gate says of a challenger."""

    PROVEN = "proven"  # surely better than the champion, and no worse than anybody
    TRIAL = "trial"  # seems better, and is surely worse nowhere
    HOLD = "hold"  # nothing speaks for it yet
    REJECT = "reject"  # surely worse somewhere


class GateReason(StrEnum):
    """Why."""

    TOO_FEW = "too_few"  # held-out outcomes
    LOSS_LIKELY_HIGHER = "loss_likely_higher"  # on these few
    LOSS_LOWER = "loss_lower"  # log loss is lower, sure or not as the interval says
    LOSS_NOT_LOWER = "loss_not_lower"
    LOSS_HIGHER = "loss_higher"  # surely
    BRIER_HIGHER = "brier_higher"  # surely
    CALIBRATION_WORSE = "calibration_worse"  # surely, by more than the slack
    COST_WORSE = "cost_worse"  # surely, by more than the slack


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason, with what was measured and the limits within which that lies."""

    reason: GateReason
    rival: Rival | None
    measured: float
    low: float
    high: float
    limit: float


@dataclass(frozen=True, kw_only=True)
class GateLook:
    """One of several looks at the same champion."""

    labels: int  # since the champion learnt; of many the latest are compared
    proof_error: float  # the chance with which it may call a challenger proven that is no better


ONLY_LOOK = GateLook(labels=0, proof_error=PROOF_ERROR)


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The gate's verdict and everything that it rests on."""

    verdict: GateVerdict
    findings: tuple[Finding, ...]
    outcomes: int
    look: GateLook
    challenger: PredictionErrors | None  # None: too few outcomes to say
    comparisons: Mapping[Rival, Comparison]


def list_rivals(champion: Foreseen, past: Past, asked: NDArray[np.bool_]) -> dict[Rival, Foreseen]:
    """Whoever is to be beaten on the rows that are asked about; the champion alone where they have but one fold."""
    if not past.has_folds:
        return {Rival.CHAMPION: champion}
    return {
        Rival.CHAMPION: champion,
        Rival.NEIGHBOURS: foresee_by_neighbours(past, asked),
        Rival.CONSTANT: foresee_constant(past, asked),
    }


def judge_at_gate(
    rows: HeldOut, challenger: Foreseen, rivals: Mapping[Rival, Foreseen], *, look: GateLook = ONLY_LOOK
) -> GateReport:
    """The verdict on a challenger; `rivals` has the champion and whoever else is to be beaten.

    Losing to one of the others rejects it, unless it is surely better than the champion: what would go on serving
    instead is worse still. The report names that finding all the same.
    """
    outcomes = len(rows.correct)
    if outcomes < LEAST_OUTCOMES:
        few = Finding(
            reason=GateReason.TOO_FEW, rival=None, measured=outcomes, low=outcomes, high=outcomes, limit=LEAST_OUTCOMES
        )
        return GateReport(
            verdict=GateVerdict.HOLD,
            findings=(few, *_glance(rows, challenger, rivals)),
            outcomes=outcomes,
            look=look,
            challenger=None,
            comparisons={},
        )
    comparisons = {rival: compare(rows, challenger, foreseen) for rival, foreseen in rivals.items()}
    objections = [
        finding for rival, comparison in comparisons.items() for finding in _list_objections(rival, comparison)
    ]
    gain = _describe_gain(comparisons[Rival.CHAMPION], error=look.proof_error)
    decisive = [finding for finding in objections if finding.rival is Rival.CHAMPION or gain.high >= 0]
    return GateReport(
        verdict=GateVerdict.REJECT if decisive else _decide(gain),
        findings=(*objections, gain),
        outcomes=outcomes,
        look=look,
        challenger=measure(rows, challenger),
        comparisons=comparisons,
    )


def _glance(rows: HeldOut, challenger: Foreseen, rivals: Mapping[Rival, Foreseen]) -> Iterator[Finding]:
    """What outcomes that are too few to decide anything say against the challenger."""
    if Rival.CHAMPION not in rivals:
        return
    comparison = compare(rows, challenger, rivals[Rival.CHAMPION])
    reason = GateReason.LOSS_LIKELY_HIGHER
    found = _compare_means(reason, Rival.CHAMPION, comparison, limit=0.0, confidence=LIKELY)
    if found.low > found.limit:
        yield found


def _list_objections(rival: Rival, comparison: Comparison) -> list[Finding]:
    """Where the challenger is surely worse. Of those that are no predictors only the log loss has to be beaten."""
    found = [_compare_means(GateReason.LOSS_HIGHER, rival, comparison, limit=0.0)]
    if rival is Rival.CHAMPION:
        found += [
            _compare_means(GateReason.BRIER_HIGHER, rival, comparison, limit=0.0),
            _compare_means(GateReason.COST_WORSE, rival, comparison, limit=COST_SLACK),
            Finding(
                reason=GateReason.CALIBRATION_WORSE,
                rival=rival,
                measured=sum(comparison.calibration_error) / 2,
                low=comparison.calibration_error.low,
                high=comparison.calibration_error.high,
                limit=CALIBRATION_SLACK,
            ),
        ]
    return [finding for finding in found if finding.low > finding.limit]


def _compare_means(
    reason: GateReason, rival: Rival, comparison: Comparison, *, limit: float, confidence: float = CONFIDENCE
) -> Finding:
    means = {
        GateReason.LOSS_LIKELY_HIGHER: comparison.log_loss,
        GateReason.LOSS_HIGHER: comparison.log_loss,
        GateReason.BRIER_HIGHER: comparison.brier,
        GateReason.COST_WORSE: comparison.cost_error,
    }
    low, high = means[reason].interval(confidence)
    return Finding(reason=reason, rival=rival, measured=means[reason].mean, low=low, high=high, limit=limit)


def _describe_gain(comparison: Comparison, *, error: float) -> Finding:
    low, high = comparison.log_loss.interval(1 - 2 * max(error, LEAST_ERROR))
    lower = comparison.log_loss.mean < 0
    return Finding(
        reason=GateReason.LOSS_LOWER if lower else GateReason.LOSS_NOT_LOWER,
        rival=Rival.CHAMPION,
        measured=comparison.log_loss.mean,
        low=low,
        high=high,
        limit=0.0,
    )


def _decide(gain: Finding) -> GateVerdict:
    if gain.reason is GateReason.LOSS_NOT_LOWER:
        return GateVerdict.HOLD
    return GateVerdict.PROVEN if gain.high < 0 else GateVerdict.TRIAL
