"""What may notice that a strategy is not as predicted: ours, a windowed test, and river's where it is installed."""

import importlib
import importlib.util
import math
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from router.drift.watch import UNSEEN, Broken, Settled, note_settled

WINDOW = 200  # outcomes
# Two-sided: one false alarm in 100,000 outcomes, if each of them were a test of its own. They are not, which is why it
# raises more.
Z_LIMIT = 4.4


class Told(StrEnum):
    """What an alarm is about."""

    ACCURACY = "accuracy"
    COST = "cost"
    WITHDRAWN = "withdrawn"  # the alarm before it was false


class Outcome(NamedTuple):
    """An answer beside its prediction."""

    predicted: float
    correct: float
    cost_ratio: float | None  # cost over predicted cost; None: not looked at


class Detector(Protocol):
    """One strategy's outcomes in turn."""

    def note(self, outcome: Outcome) -> Told | None:
        """What this outcome raises an alarm about."""


class Ours:
    """`router/drift/`, on accuracy and cost."""

    def __init__(self) -> None:
        self._watch = UNSEEN

    def note(self, outcome: Outcome) -> Told | None:
        settled = Settled(accuracy=outcome.predicted, correct=outcome.correct, cost_ratio=outcome.cost_ratio)
        self._watch, alarm = note_settled(self._watch, settled)
        if alarm is None:
            return None
        if alarm.withdraws:
            return Told.WITHDRAWN
        return Told.COST if alarm.broken is Broken.DEARER else Told.ACCURACY


class WindowedTest:
    """A z-test of the latest outcomes against their predictions, after each of them; it knows nothing of costs."""

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    def note(self, outcome: Outcome) -> Told | None:
        excess = outcome.correct - outcome.predicted
        self._latest.append((excess, outcome.predicted * (1 - outcome.predicted)))
        if len(self._latest) < WINDOW:
            return None
        excess, variance = map(sum, zip(*self._latest, strict=True))
        if abs(excess) <= Z_LIMIT * math.sqrt(variance):
            return None
        self._latest.clear()
        return Told.ACCURACY


class Rivers:
    """One of river's detectors on right answers less predicted ones."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._detector = build()

    def note(self, outcome: Outcome) -> Told | None:
        self._detector.update(outcome.correct - outcome.predicted)
        return Told.ACCURACY if self._detector.drift_detected else None


def list_detectors() -> Mapping[str, Callable[[], Detector]]:
    """By name; `pip install river==0.26.1` brings the last ones, at their defaults and as strict as ours."""
    found: dict[str, Callable[[], Detector]] = {"here": Ours, f"z-test, {WINDOW}": WindowedTest}
    if importlib.util.find_spec("river") is not None:
        drift = importlib.import_module("river.drift")
        found["ADWIN"] = lambda: Rivers(drift.ADWIN)
        found["ADWIN, 1e-5"] = lambda: Rivers(lambda: drift.ADWIN(delta=1e-5))
        found["Page-Hinkley"] = lambda: Rivers(drift.PageHinkley)
    return found
