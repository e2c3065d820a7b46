"""Spending against the plan and the cap, over time."""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from gateway.dashboard.charts.chart import Axis, Chart, ChartTable, Line, Scale, Shape, thin
from gateway.dashboard.job_view import JobView
from gateway.report.amounts import choose_scale, say_cost, say_seconds

TABLE_ROWS = 12
PLAN_POINTS = 120


def draw_spend(view: JobView) -> Chart | None:
    """What was spent and held at each moment, beside what the ended groups were predicted to cost; None before that."""
    if not view.spending:
        return None
    began = view.job.started_at or view.job.submitted_at
    at = [0.0, *(_seconds(moment.at, began) for moment in view.spending)]
    spent = [0, *(moment.spent + moment.burned for moment in view.spending)]
    held = [0, *(moment.spent + moment.burned + moment.reserved for moment in view.spending)]
    planned_at, planned = _trace_plan(view, began)
    scale = choose_scale(view.unit, max(*held, view.cap or 0, *planned))
    lines = [
        Line(label="spent", colour="accent", shape=Shape.AREA, x=at, y=[scale.value(q) for q in spent]),
        Line(label="with what is held", colour="s1", shape=Shape.LINE, x=at, y=[scale.value(q) for q in held]),
        Line(label="predicted", colour="muted", shape=Shape.DASHED, x=planned_at, y=[scale.value(q) for q in planned]),
    ]
    if view.cap is not None:
        cap = scale.value(view.cap)
        lines.append(Line(label="cap", colour="bad", shape=Shape.DASHED, x=[0.0, at[-1]], y=[cap, cap]))
    return Chart(
        name="spend",
        title="Spend against plan",
        says=_say(view, planned[-1]),
        x=Axis(label="time since the start", scale=Scale.SECONDS, low=0.0),
        y=Axis(label=scale.label, scale=Scale.NUMBER, low=0.0),
        lines=lines,
        table=ChartTable(
            columns=("after", "spent", "spent and held"),
            rows=[
                (say_seconds(at[place]), say_cost(spent[place], view.unit), say_cost(held[place], view.unit))
                for place in thin(len(at), limit=TABLE_ROWS)
            ],
        ),
    )


def _trace_plan(view: JobView, began: datetime) -> tuple[Sequence[float], Sequence[float]]:
    """When groups had ended, and what all of those were predicted to cost."""
    ended = sorted(
        (_seconds(group.finished_at, began), group.predicted_cost)
        for group in view.groups
        if group.finished_at is not None
    )
    at = [0.0, *(seconds for seconds, _ in ended)]
    planned = list(accumulate((cost for _, cost in ended), initial=0))
    kept = thin(len(at), limit=PLAN_POINTS)
    return [at[place] for place in kept], [float(planned[place]) for place in kept]


def _seconds(moment: datetime, began: datetime) -> float:
    return max(0.0, (moment - began).total_seconds())


def _say(view: JobView, planned: float) -> str:
    said = f"{say_cost(view.spent, view.unit)} spent"
    if view.cap is not None:
        said += f" of {say_cost(view.cap, view.unit)}"
    return f"{said}; what has ended was predicted to cost {say_cost(planned, view.unit)}."
