"""Predicted against observed accuracy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gateway.dashboard.charts.chart import Axis, Chart, ChartTable, Line, Scale, Shape
from gateway.report.amounts import say_points, say_share
from gateway.report.measures import bin_accuracy
from gateway.report.values import AccuracyBin


def draw_calibration(predicted: ArrayLike, grade: ArrayLike, *, name: str, title: str) -> Chart | None:
    """Graded tasks in bins by what was predicted for the strategy they went to; None while none is graded."""
    bins = bin_accuracy(predicted, grade)
    if not bins:
        return None
    predictions = [one.predicted for one in bins]
    return Chart(
        name=name,
        title=title,
        says=_say(bins),
        x=Axis(label="predicted", scale=Scale.SHARE, low=0.0, high=1.0),
        y=Axis(label="observed", scale=Scale.SHARE, low=0.0, high=1.0),
        lines=[
            Line(label="as predicted", colour="muted", shape=Shape.DASHED, x=[0.0, 1.0], y=[0.0, 1.0]),
            Line(
                label="observed",
                colour="accent",
                shape=Shape.POINTS,
                x=predictions,
                y=[one.observed for one in bins],
                low=[one.low for one in bins],
                high=[one.high for one in bins],
            ),
        ],
        table=ChartTable(
            columns=("predicted", "observed", "95% interval", "tasks"),
            rows=[
                (
                    say_share(one.predicted),
                    say_share(one.observed),
                    f"{say_share(one.low, 0)} to {say_share(one.high, 0)}",
                    f"{one.tasks:,}",
                )
                for one in bins
            ],
        ),
    )


def _say(bins: Sequence[AccuracyBin]) -> str:
    tasks = np.array([one.tasks for one in bins])
    predicted = float(np.average([one.predicted for one in bins], weights=tasks))
    observed = float(np.average([one.observed for one in bins], weights=tasks))
    return (
        f"{int(tasks.sum()):,} graded tasks: {say_share(predicted)} predicted, {say_share(observed)} observed, "
        f"{say_points(observed - predicted)} points."
    )
