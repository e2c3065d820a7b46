"""What may notice that a strategy is not as predicted: ours, a windowed test, and river's where it is installed."""

import importlib
import importlib.util
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from router.drift.watch import UNSEEN, Settled, note_settled

WINDOW = 200  # outcomes
# Two-sided: one false alarm in 100,000 outcomes, if each of them were a test of its own. They are not, which is why it
# raises more.
Z_LIMIT = 4.4


class Detector(Protocol):
    """One strategy's outcomes in turn."""

    def note(self, predicted: float, correct: float) -> bool:
        """Whether this outcome raises an alarm."""


class Ours:
    """`router/drift/`, on accuracy."""

    def __init__(self) -> None:
        self._watch = UNSEEN

    def note(self, predicted: float, correct: float) -> bool:
        self._watch, alarm = note_settled(self._watch, Settled(accuracy=predicted, correct=correct, cost_ratio=None))
        return alarm is not None


class WindowedTest:
    """A z-test of the latest outcomes against their predictions, after each of them."""

    def __init__(self) -> None:
        self._latest: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    def note(self, predicted: float, correct: float) -> bool:
        self._latest.append((correct - predicted, predicted * (1 - predicted)))
        if len(self._latest) < WINDOW:
            return False
        excess, variance = map(sum, zip(*self._latest, strict=True))
        raised = abs(excess) > Z_LIMIT * math.sqrt(variance)
        if raised:
            self._latest.clear()
        return raised


class Rivers:
    """One of river's detectors on what is observed less what was predicted."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._detector = build()

    def note(self, predicted: float, correct: float) -> bool:
        self._detector.update(correct - predicted)
        return bool(self._detector.drift_detected)


def list_detectors() -> Mapping[str, Callable[[], Detector]]:
    """By name; `pip install river==0.26.1` brings the last ones, at their defaults and as strict as ours."""
    found: dict[str, Callable[[], Detector]] = {"here": Ours, f"z-test, {WINDOW}": WindowedTest}
    if importlib.util.find_spec("river") is not None:
        drift = importlib.import_module("river.drift")
        found["ADWIN"] = lambda: Rivers(drift.ADWIN)
        found["ADWIN, 1e-5"] = lambda: Rivers(lambda: drift.ADWIN(delta=1e-5))
        found["Page-Hinkley"] = lambda: Rivers(drift.PageHinkley)
    return found
