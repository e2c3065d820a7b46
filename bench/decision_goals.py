"""The goals of the default predictor beside what was measured."""

from collections.abc import Callable, Sequence

import numpy as np

from bench.decision_summary import DatasetResult, Summary
from bench.figures import Figure
from router.baselines.registry import CONCUR, CONSTANT, METHODS, OWN

REACH_SHARE, CALIBRATION, SPEND, SERVING_US = 0.25, 0.03, 0.02, 60.0


def compare_with_goals(results: Sequence[DatasetResult]) -> list[Figure]:
    """Goals that the methods taking part can decide; none without our own."""
    if not all(OWN in result.summaries for result in results):
        return []
    owns = [result.summaries[OWN] for result in results]
    rivals = [_rivals(result) for result in results]
    figures = [_mean_area(results)] if all(rivals) else []
    figures += [
        _count("best or tied in area", [all(_not_behind(s) for s in r.values()) for r in rivals], len(results)),
        _count("Brier tied with every baseline", [all(map(_brier_tied, r.values())) for r in rivals], len(results)),
    ]
    for name in (CONSTANT, CONCUR):
        if all(name in result.summaries for result in results):
            better = [_better(result.summaries[name]) for result in results]
            figures.append(_count(f"significantly above {name}", better, (len(results) + 1) // 2))
    if all(CONSTANT in result.summaries for result in results):
        below = [own.area >= result.summaries[CONSTANT].area for own, result in zip(owns, results, strict=True)]
        figures.append(_count("never below constant", below, len(results)))
    reached = [own.share_to_best_single <= REACH_SHARE for own in owns]
    figures.append(_count(f"best single's accuracy at {REACH_SHARE:.0%} of its cost", reached, (len(owns) + 1) // 2))
    return [
        *figures,
        _at_most("ECE, mean over sets", _mean(owns, lambda own: own.calibration_error.error), CALIBRATION),
        _at_most(
            "ECE of the chosen, mean over sets",
            _mean(owns, lambda own: own.chosen_calibration_error.error),
            CALIBRATION,
        ),
        _count(f"ECE of the chosen within {CALIBRATION:g}", [_is_calibrated(own) for own in owns], len(owns)),
        _at_most("|spend / predicted - 1|, mean", _mean(owns, lambda own: abs(own.spend_over_predicted - 1)), SPEND),
        _at_most("serving, us a task, the slowest set", max(own.serving_microseconds for own in owns), SERVING_US),
    ]


def _rivals(result: DatasetResult) -> dict[str, Summary]:
    return {
        name: summary
        for name, summary in result.summaries.items()
        if name != OWN and (name not in METHODS or METHODS[name].deployable)
    }


def _mean_area(results: Sequence[DatasetResult]) -> Figure:
    shared = set.intersection(*(set(_rivals(result)) for result in results))
    areas = {
        name: float(np.mean([result.summaries[name].area for result in results])) for name in (OWN, *sorted(shared))
    }
    own = areas.pop(OWN)
    best = max(areas, key=lambda name: areas[name])
    return Figure("mean area over sets", own, "area", f"> {areas[best]:.4f} ({best})", own > areas[best])


def _not_behind(rival: Summary) -> bool:
    return rival.area_behind is not None and rival.area_behind.high >= 0


def _better(rival: Summary) -> bool:
    return rival.area_behind is not None and rival.area_behind.low > 0


def _brier_tied(rival: Summary) -> bool:
    return rival.brier_behind is None or not rival.brier_behind.high < 0  # NaN: it does not know every strategy


def _is_calibrated(own: Summary) -> bool:
    return own.chosen_calibration_error.error <= CALIBRATION


def _count(name: str, met: Sequence[bool], wanted: int) -> Figure:
    return Figure(name, float(sum(met)), f"of {len(met)} sets", f">= {wanted}", sum(met) >= wanted)


def _at_most(name: str, value: float, limit: float) -> Figure:
    return Figure(name, value, "", f"<= {limit:g}", value <= limit)


def _mean(owns: Sequence[Summary], of: Callable[[Summary], float]) -> float:
    return float(np.mean([of(own) for own in owns]))
