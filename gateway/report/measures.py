"""The numbers a report adds: bins with intervals, the random-mixture line, a frontier thin enough to draw."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gateway.report.values import AccuracyBin, JobReport, Point, StrategyReport

Z_95 = 1.959964


class Interval(NamedTuple):
    """Where a share lies with 95% confidence."""

    low: float
    high: float


def wilson_interval(share: float, count: int) -> Interval:
    """95% interval of a share seen in `count` draws (Wilson 1927, eq. 1 solved for p)."""
    if count == 0:
        return Interval(0.0, 1.0)
    spread = Z_95 * math.sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    middle, scale = share + Z_95**2 / (2 * count), 1 + Z_95**2 / count
    return Interval(max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def bin_accuracy(predicted: ArrayLike, grade: ArrayLike, *, bins: int = 8) -> tuple[AccuracyBin, ...]:
    """Graded tasks in bins of equal size by predicted accuracy, lowest first; at least 10 tasks a bin."""
    predicted, grade = np.asarray(predicted, dtype=np.float64), np.asarray(grade, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(predicted) & np.isfinite(grade))
    order = known[np.argsort(predicted[known], kind="stable")]
    parts = np.array_split(order, max(1, min(bins, len(order) // 10)))
    return tuple(_make_bin(predicted[part], grade[part]) for part in parts if len(part))


def _make_bin(predicted: np.ndarray, grade: np.ndarray) -> AccuracyBin:
    observed = float(grade.mean())
    low, high = wilson_interval(observed, len(grade))
    return AccuracyBin(predicted=float(predicted.mean()), observed=observed, tasks=len(grade), low=low, high=high)


def mixture_line(strategies: Sequence[StrategyReport], *, task_count: int) -> tuple[Point, ...]:
    """The best that drawing strategies at random can be predicted to reach: the upper hull of the single strategies."""
    whole = [s for s in strategies if s.eligible_tasks == task_count]
    hull: list[Point] = []  # rising in cost and accuracy, slopes falling
    for strategy in sorted(whole, key=lambda s: (s.alone_cost_quanta, -s.alone_accuracy)):
        point = Point(cost_quanta=strategy.alone_cost_quanta, accuracy=strategy.alone_accuracy)
        if hull and point.accuracy <= hull[-1].accuracy:
            continue
        while len(hull) >= 2 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    return tuple(hull)


def _slope(left: Point, right: Point) -> float:
    return (right.accuracy - left.accuracy) / max(right.cost_quanta - left.cost_quanta, 1e-300)


def accuracy_at(line: Sequence[Point], cost_quanta: float) -> float | None:
    """The accuracy of a rising line at a cost; None below its first point, the last accuracy beyond its end."""
    if not line or cost_quanta < line[0].cost_quanta:
        return None
    return float(np.interp(cost_quanta, [p.cost_quanta for p in line], [p.accuracy for p in line]))


def thin_frontier(
    cost_quanta: ArrayLike, accuracy_sum: ArrayLike, *, task_count: int, limit: int = 240
) -> tuple[Point, ...]:
    """A frontier's breakpoints as mean accuracies, thinned evenly in cost; its two ends are always kept."""
    cost, accuracy = np.asarray(cost_quanta, dtype=np.float64), np.asarray(accuracy_sum, dtype=np.float64)
    if len(cost) > limit:
        kept = np.unique(np.searchsorted(cost, np.linspace(cost[0], cost[-1], limit)).clip(0, len(cost) - 1))
        cost, accuracy = cost[kept], accuracy[kept]
    points = zip(cost.tolist(), (accuracy / max(1, task_count)).tolist(), strict=True)
    return tuple(Point(cost_quanta=c, accuracy=a) for c, a in points)


class Saving(NamedTuple):
    """The job against one strategy alone, as predicted."""

    strategy: str
    cost_share: float  # of the strategy's cost that the job saved; negative when the job cost more
    accuracy_points: float  # above the strategy's accuracy


def compare_with_singles(report: JobReport) -> tuple[Saving, ...]:
    """The job against every single strategy; those that can serve every task come first, dearest first."""
    dearest_first = sorted(report.strategies, key=lambda s: (-s.eligible_tasks, -s.alone_cost_quanta))
    return tuple(_compare(report, strategy) for strategy in dearest_first)


def best_single(report: JobReport) -> Saving | None:
    """The job against the most accurate strategy among those that can serve every task."""
    whole = [s for s in report.strategies if s.eligible_tasks == report.tasks.total]
    return _compare(report, max(whole, key=lambda s: s.alone_accuracy)) if whole else None


def _compare(report: JobReport, strategy: StrategyReport) -> Saving:
    alone = strategy.alone_cost_quanta
    cost_share = 1 - report.budget.used_quanta / alone if alone else 0.0
    return Saving(strategy.name, cost_share, report.predicted_accuracy - strategy.alone_accuracy)


def nice_ticks(low: float, high: float, *, count: int = 5) -> tuple[float, ...]:
    """About `count` round numbers from low to high: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    rough = max(high - low, 1e-12) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return tuple(first_step * step for first_step in range(first, math.floor(high / step + 1e-9) + 1))
