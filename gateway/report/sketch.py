"""A line plot in braille characters, for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rich.text import Text

DOTS_WIDE, DOTS_HIGH = 2, 4  # a braille cell's dots
BRAILLE_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # [row][column], Unicode block U+2800
EMPTY = 0x2800


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values an axis spans."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where a value lies between the ends, 0..1."""
        return (value - self.low) / (self.high - self.low)


@dataclass(kw_only=True)
class Sketch:
    """A plot area of `columns` x `rows` characters; later marks cover earlier ones and marks cover lines."""

    columns: int
    rows: int
    x: Range
    y: Range
    _dots: dict[tuple[int, int], tuple[int, str]] = field(default_factory=dict)
    _marks: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def line(self, xs: Sequence[float], ys: Sequence[float], *, style: str, dotted: bool = False) -> None:
        """Connect the points; a dotted line sets every fourth dot."""
        places = [self._dot(x, y) for x, y in zip(xs, ys, strict=True)]
        path = [dot for start, end in pairwise(places) for dot in _dots_between(start, end)]
        for column, row in path[:: 4 if dotted else 1]:
            self._set(column, row, style)

    def mark(self, x: float, y: float, character: str, *, style: str) -> None:
        """Put one character at a point."""
        column, row = self._dot(x, y)
        self._marks[(column // DOTS_WIDE, row // DOTS_HIGH)] = (character, style)

    def lines(self) -> list[Text]:
        """The plot area, top row first."""
        return [self._row(row) for row in range(self.rows)]

    def _row(self, row: int) -> Text:
        text = Text()
        for column in range(self.columns):
            cell = (column, row)
            bits, dot_style = self._dots.get(cell, (0, ""))
            character, style = self._marks.get(cell, (chr(EMPTY + bits) if bits else " ", dot_style))
            text.append(character, style)
        return text

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        column = round(self.x.share(x) * (self.columns * DOTS_WIDE - 1))
        row = round((1 - self.y.share(y)) * (self.rows * DOTS_HIGH - 1))
        return min(max(column, 0), self.columns * DOTS_WIDE - 1), min(max(row, 0), self.rows * DOTS_HIGH - 1)

    def _set(self, column: int, row: int, style: str) -> None:
        cell = (column // DOTS_WIDE, row // DOTS_HIGH)
        bits, first_style = self._dots.get(cell, (0, style))
        self._dots[cell] = (bits | BRAILLE_BITS[row % DOTS_HIGH][column % DOTS_WIDE], first_style)


def _dots_between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * i / steps), round(start[1] + (end[1] - start[1]) * i / steps))
        for i in range(steps + 1)
    ]
