"""A chart as numbers: lines over one axis, marks, and the table that says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.report.plots.theme import STRATEGY_COLOURS

DIGITS = 5  # that a chart can show


class Shape(StrEnum):
    """How a line is drawn."""

    LINE = "line"
    STEP = "step"  # the value holds until the next one
    AREA = "area"  # filled down to the axis, or to the line that it stands on
    POINTS = "points"  # with bars where they have intervals
    TARGET = "target"  # one point that is looked for
    DASHED = "dashed"


class Scale(StrEnum):
    """What the numbers of an axis are."""

    NUMBER = "number"
    COUNT = "count"  # whole numbers
    SHARE = "share"  # 0..1, written as percent
    SECONDS = "seconds"  # a duration


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: its points by rising x."""

    label: str
    colour: str  # a colour of the page's style: "accent", "s0"
    shape: Shape
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True, kw_only=True)
class Upright:
    """A line across the chart at one x."""

    label: str
    x: float


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What is measured along one side."""

    label: str
    scale: Scale
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class ChartTable:
    """The chart's numbers in words, for whoever reads rather than looks."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of a page."""

    name: str  # unique on its page
    title: str
    says: str  # what is to be seen, in a sentence or two
    x: Axis
    y: Axis
    lines: Sequence[Line]
    table: ChartTable
    uprights: Sequence[Upright] = ()
    stacked: bool = False  # each line stands on the one before it

    def to_json(self) -> Mapping[str, Any]:
        """What charts.js draws."""
        return {
            "stacked": self.stacked,
            "x": _axis(self.x),
            "y": _axis(self.y),
            "lines": [_line(line) for line in self.lines],
            "uprights": [{"label": upright.label, "x": _round(upright.x)} for upright in self.uprights],
        }


def strategy_colour(column: int) -> str:
    """The colour of the strategy at this place of the job, the same in every chart and table."""
    return f"s{column % STRATEGY_COLOURS}"


def thin(length: int, *, limit: int) -> list[int]:
    """At most `limit` places of a sequence, evenly spread, with its first and last one."""
    if length <= limit:
        return list(range(length))
    return sorted({round(index * (length - 1) / (limit - 1)) for index in range(limit)})


def _axis(axis: Axis) -> Mapping[str, Any]:
    return {"label": axis.label, "scale": axis.scale, "low": axis.low, "high": axis.high}


def _line(line: Line) -> Mapping[str, Any]:
    drawn: dict[str, Any] = {"label": line.label, "colour": line.colour, "shape": line.shape}
    for name in ("x", "y", "low", "high"):
        values = getattr(line, name)
        if values is not None:
            drawn[name] = [None if value is None else _round(value) for value in values]
    return drawn


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
