"""What arrives in a stream: a sketch that forgets, and what it expects of the tasks still to come."""

import dataclasses
from dataclasses import dataclass
from typing import Self

from router.errors import SketchMismatch
from router.sketch import FrontierSketch, PriceScale, empty_sketch


@dataclass(frozen=True, kw_only=True)
class SketchOrigin:
    """What makes two sketches of arrivals comparable."""

    predictor_version: str  # accuracies and costs of other predictors are other claims
    scale: PriceScale  # unit and edges
    kept_per_epoch: float  # how much of what was seen counts an epoch later


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrivalSketch:
    """Tasks seen by one router or several, those of earlier epochs counting for less.

    An epoch is a stretch of time or of arrivals that all routers number alike.
    """

    origin: SketchOrigin
    epoch: int
    seen: FrontierSketch

    def at_epoch(self, epoch: int) -> Self:
        """The same seen from a later epoch; SketchMismatch for an earlier one, which can not be told any more."""
        if epoch < self.epoch:
            raise SketchMismatch(f"the sketch is at epoch {self.epoch} and can not go back to epoch {epoch}")
        faded = self.seen * self.origin.kept_per_epoch ** (epoch - self.epoch)
        return dataclasses.replace(self, epoch=epoch, seen=faded)

    def add(self, window: FrontierSketch) -> Self:
        """With a window that arrived in this epoch."""
        return dataclasses.replace(self, seen=self.seen + window)

    def merge(self, other: Self) -> Self:
        """The arrivals of both; SketchMismatch unless they have the same origin and are at the same epoch."""
        for field in dataclasses.fields(self.origin):
            one, another = (getattr(sketch.origin, field.name) for sketch in (self, other))
            if one != another:
                raise SketchMismatch(f"sketches of {field.name} {one} and {another} do not add up: make both alike")
        if self.epoch != other.epoch:
            raise SketchMismatch(
                f"sketches at epoch {self.epoch} and {other.epoch} do not add up: bring the earlier one forward"
            )
        return dataclasses.replace(self, seen=self.seen + other.seen)

    def expect(self, tasks: float) -> FrontierSketch:
        """The sketch of so many tasks to come, as they would be if nothing changed any more."""
        return self.seen * (tasks / self.seen.tasks if self.seen.tasks else 0.0)


def begin_arrivals(origin: SketchOrigin, *, epoch: int) -> ArrivalSketch:
    """Nothing seen yet."""
    return ArrivalSketch(origin=origin, epoch=epoch, seen=empty_sketch(origin.scale))
