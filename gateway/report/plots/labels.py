"""Names beside points, placed so that they do not cover each other."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHARACTER_POINTS, LINE_POINTS, AWAY_POINTS = 5.8, 13.0, 7.0  # at the font size of the theme


class PointLabel(NamedTuple):
    """A name, where its point is (in the data's units), and the colour to write it in."""

    x: float
    y: float
    text: str
    colour: str


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "_Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )


def place_labels(axes: "Axes", labels: Sequence[PointLabel]) -> None:
    """Write each name beside its point, where inside the axes it covers least of lines, points and names."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # settles the layout, so that data can be measured in points
    window = axes.get_window_extent()
    points_per_pixel = 72 / figure.dpi
    frame = _Box(*(value * points_per_pixel for value in (window.x0, window.y0, window.x1, window.y1)))
    centres = [tuple(value * points_per_pixel for value in axes.transData.transform((p.x, p.y))) for p in labels]
    taken = [_Box(x - 5, y - 5, x + 5, y + 5) for x, y in [*centres, *_places_on_lines(axes, points_per_pixel)]]
    for label, (x, y) in zip(labels, centres, strict=True):
        box = _free_place(x, y, len(label.text) * CHARACTER_POINTS, taken, frame)
        taken.append(box)
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=((box.left + box.right) / 2 - x, (box.bottom + box.top) / 2 - y),
            textcoords="offset points",
            ha="center",
            va="center",
            color=label.colour,
        )


def _places_on_lines(axes: "Axes", points_per_pixel: float) -> list[tuple[float, float]]:
    """Places every few points along the lines already drawn, in points."""
    places: list[tuple[float, float]] = []
    for line in axes.get_lines():
        corners = line.get_transform().transform(line.get_xydata()) * points_per_pixel
        for start, end in pairwise(corners):
            steps = max(1, int(np.hypot(*(end - start)) / 5))
            places += [tuple(start + (end - start) * step / steps) for step in range(steps)]
    return places


def _free_place(x: float, y: float, width: float, taken: Sequence[_Box], frame: _Box) -> _Box:
    aside, above = width / 2 + AWAY_POINTS, LINE_POINTS / 2 + AWAY_POINTS
    corner = width / 2 + 6, LINE_POINTS / 2 + 6
    offsets = [(aside, 0.0), (-aside, 0.0), (0.0, above), (0.0, -above)]
    offsets += [(right * corner[0], up * corner[1]) for right in (1, -1) for up in (1, -1)]
    offsets += [(aside, LINE_POINTS), (aside, -LINE_POINTS), (0.0, 2 * above), (0.0, -2 * above)]
    boxes = [_box_around(x + dx, y + dy, width) for dx, dy in offsets]
    inside = [b for b in boxes if b.left >= frame.left and b.right <= frame.right and b.bottom >= frame.bottom]
    # The first of equals, so a place that covers nothing close to the point where there is one.
    return min(inside or boxes, key=lambda box: sum(box.overlaps(other) for other in taken))


def _box_around(x: float, y: float, width: float) -> _Box:
    return _Box(x - width / 2, y - LINE_POINTS / 2, x + width / 2, y + LINE_POINTS / 2)
