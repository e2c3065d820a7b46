"""What a budget can buy: the frontier, single strategies, the cap, and what was reached."""

from collections.abc import Sequence

import numpy as np

from db.job_samples import SampledTasks
from gateway.dashboard.charts.chart import Axis, Chart, ChartTable, Line, Scale, Shape, Upright, strategy_colour, thin
from gateway.dashboard.job_view import JobView
from gateway.report.amounts import CostScale, choose_scale, say_cost, say_share
from gateway.report.measures import thin_frontier
from gateway.report.values import Point
from router.frontier import frontier

TABLE_ROWS = 12


def draw_frontier(view: JobView) -> Chart | None:
    """From a sample of the tasks, scaled to all of them; None while nothing is predicted."""
    sample = view.sample
    if sample is None or not len(sample.seq):
        return None
    points = trace_frontier(sample, task_count=view.job.task_count)
    if not points:
        return None
    scale = choose_scale(view.unit, max(points[-1].cost_quanta, view.cap or 0, view.spent))
    reached = _reached(view, scale)
    return Chart(
        name="frontier",
        title="What a budget can buy",
        says=_say(view, points),
        x=Axis(label=f"cost, {scale.label}", scale=Scale.NUMBER),
        y=Axis(label="accuracy", scale=Scale.SHARE),
        lines=[
            _line(points, scale),
            *_single_strategies(view, sample, scale),
            *([] if reached is None else [reached]),
        ],
        uprights=[] if view.cap is None else [Upright(label="cap", x=scale.value(view.cap))],
        table=_table(view, points),
    )


def trace_frontier(sample: SampledTasks, *, task_count: int) -> tuple[Point, ...]:
    """The best mean accuracy for each total cost, as predicted; empty where no strategy may serve any task."""
    asked = np.flatnonzero(np.isfinite(sample.accuracy).any(axis=1) & (sample.alike > 0))
    if not asked.size:
        return ()
    curve = frontier(sample.accuracy[asked], sample.cost[asked], weight=sample.alike[asked])
    grown = curve.cost * task_count / max(1, sample.alike.sum())
    return thin_frontier(grown, curve.accuracy, task_count=int(sample.alike.sum()))


def _line(points: Sequence[Point], scale: CostScale) -> Line:
    costs, accuracies = [scale.value(point.cost_quanta) for point in points], [point.accuracy for point in points]
    return Line(label="best for each budget", colour="accent", shape=Shape.LINE, x=costs, y=accuracies)


def _single_strategies(view: JobView, sample: SampledTasks, scale: CostScale) -> list[Line]:
    grown = view.job.task_count / max(1, len(sample.seq))
    asked = sample.alike[:, None] > 0  # (n, 1)
    costs = grown * np.nansum(np.where(asked, sample.cost, 0.0), axis=0)  # (s,)
    accuracies = np.nan_to_num(sample.accuracy * sample.alike[:, None]).sum(axis=0) / max(1, sample.alike.sum())  # (s,)
    return [
        Line(
            label=strategy.name,
            colour=strategy_colour(column),
            shape=Shape.POINTS,
            x=[scale.value(float(costs[column]))],
            y=[float(accuracies[column])],
        )
        for column, strategy in enumerate(view.strategies)
    ]


def _reached(view: JobView, scale: CostScale) -> Line | None:
    if view.reached_accuracy is None:
        return None
    label = "reached" if view.is_final else "reached so far"
    return Line(label=label, colour="good", shape=Shape.TARGET, x=[scale.value(view.spent)], y=[view.reached_accuracy])


def _say(view: JobView, points: Sequence[Point]) -> str:
    whole = (
        f"From {say_share(points[0].accuracy)} for {say_cost(points[0].cost_quanta, view.unit)} "
        f"to {say_share(points[-1].accuracy)} for {say_cost(points[-1].cost_quanta, view.unit)}, as predicted; "
        "a dot is one strategy for every task."
    )
    if view.reached_accuracy is None:
        return whole
    reached = "Reached" if view.is_final else "Reached so far"
    rest = "" if view.counts.outcomes == view.needed else ", where a task without an answer counts as not right"
    return f"{whole} {reached}: {say_share(view.reached_accuracy)}{rest}."


def _table(view: JobView, points: Sequence[Point]) -> ChartTable:
    shown = [points[place] for place in thin(len(points), limit=TABLE_ROWS)]
    rows = [(say_cost(point.cost_quanta, view.unit), say_share(point.accuracy)) for point in shown]
    return ChartTable(columns=("budget", "best accuracy, predicted"), rows=rows)
