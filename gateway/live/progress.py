"""The stages of the work under way, with their times."""

from collections.abc import Callable
from dataclasses import dataclass

from worker.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A progress with its time: `seconds` since its stage began."""

    progress: Progress
    seconds: float

    @property
    def share(self) -> float | None:
        """How much of the stage is done, 0..1; None where no total is known."""
        total = self.progress.total
        return min(1.0, self.progress.done / total) if total else None

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before a twentieth is done, when the pace says little."""
        if self.share is None or self.share < 0.05:
            return None
        return self.seconds * (1 - self.share) / self.share


class StageClock:
    """Turns a stream of progress into moments, and says when a stage has ended."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()
        self._latest: Progress | None = None

    def note(self, progress: Progress) -> Moment | None:
        """Take in the latest progress; the last moment of the stage before it, when this begins a new one."""
        ended = self.moment() if self._latest is not None and self._latest.stage != progress.stage else None
        if ended is not None or self._latest is None:
            self._began = self._now()
        self._latest = progress
        return ended

    def moment(self) -> Moment | None:
        """The stage under way as of now; None before the first."""
        if self._latest is None:
            return None
        return Moment(progress=self._latest, seconds=self._now() - self._began)
