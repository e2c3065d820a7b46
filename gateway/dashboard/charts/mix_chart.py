"""Where the tasks went, window by window."""

import numpy as np
from numpy.typing import NDArray

from gateway.dashboard.charts.chart import Axis, Chart, ChartTable, Line, Scale, Shape, strategy_colour, thin
from gateway.dashboard.job_view import JobView
from gateway.report.amounts import say_share

BINS = 60  # neighbouring windows of a job that has more are shown as one
TABLE_ROWS = 10


def draw_mix(view: JobView) -> Chart | None:
    """Each strategy's share of the answers of each window; None while there are none."""
    shares, firsts = _count(view)
    if not len(firsts):
        return None
    upper = np.cumsum(shares, axis=1)  # (bins, s)
    used = [column for column in range(len(view.strategies)) if shares[:, column].any()]
    return Chart(
        name="mix",
        title="Where the tasks went",
        stacked=True,
        says=_say(view),
        x=Axis(label="window", scale=Scale.COUNT, low=float(firsts[0]), high=float(firsts[-1])),
        y=Axis(label="share of answers", scale=Scale.SHARE, low=0.0, high=1.0),
        lines=[
            Line(
                label=view.strategies[column].name,
                colour=strategy_colour(column),
                shape=Shape.AREA,
                x=firsts,
                y=upper[:, column].tolist(),
            )
            for column in used
        ],
        table=ChartTable(
            columns=("from window", *(view.strategies[column].name for column in used)),
            rows=[
                (f"{firsts[row]:,}", *(say_share(float(shares[row, column]), 0) for column in used))
                for row in thin(len(firsts), limit=TABLE_ROWS)
            ],
        ),
    )


def _count(view: JobView) -> tuple[NDArray[np.float64], list[int]]:
    """(bins, s) shares that add up to one in each row, and each row's first window, counted from one."""
    windows = {window_id: place for place, window_id in enumerate(sorted({g.window_id for g in view.groups}))}
    column_of = {strategy.id: column for column, strategy in enumerate(view.strategies)}
    counts = np.zeros((len(windows), len(view.strategies)))
    for group in view.groups:
        counts[windows[group.window_id], column_of[group.strategy_id]] += group.answered
    answered = np.flatnonzero(counts.sum(axis=1))
    parts = np.array_split(answered, min(BINS, len(answered))) if answered.size else []
    totals = np.array([counts[part].sum(axis=0) for part in parts]).reshape(-1, len(view.strategies))
    firsts = [int(part[0]) + 1 for part in parts]
    if len(firsts) == 1:  # a single window is shown as wide as the chart
        totals, firsts = np.repeat(totals, 2, axis=0), [firsts[0], firsts[0] + 1]
    return totals / np.maximum(totals.sum(axis=1, keepdims=True), 1), firsts


def _say(view: JobView) -> str:
    answered = {strategy.id: 0 for strategy in view.strategies}
    for group in view.groups:
        answered[group.strategy_id] += group.answered
    total = max(1, sum(answered.values()))
    most = sorted(view.strategies, key=lambda strategy: -answered[strategy.id])[:3]
    words = [f"{strategy.name} {say_share(answered[strategy.id] / total, 0)}" for strategy in most]
    return f"In all, {', '.join(words)} of the answers."
