"""How long it took after a mishap until all was well again, beside how long it may take."""

from dataclasses import dataclass

from tests.faults.losses import measure_return
from tests.faults.mishaps import Mishap, Trace
from tests.faults.stage import Stage

PROGRESS_SECONDS = 5.0  # within which work goes on once what it needs is there again


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """One measured recovery."""

    mishap: Mishap
    what: str
    seconds: float
    bound_seconds: float

    @property
    def in_time(self) -> bool:
        """Whether it took no longer than it may."""
        return self.seconds <= self.bound_seconds


def measure_recovery(stage: Stage, trace: Trace) -> list[Recovery]:
    """What can be said of it once the job is over; nothing where it met no work."""
    recoveries = []
    progress = stage.observer.seconds_until_progress(trace.at)
    if progress is not None:
        recoveries.append(_recovery(trace, "next task settled", progress, PROGRESS_SECONDS))
    returned = None if trace.loss is None else measure_return(stage.url, trace.loss)
    if returned is not None:
        bound = stage.settings.lease_seconds + 1
        if trace.mishap is Mishap.HANG_ENGINE:
            bound += stage.settings.stall_seconds
        recoveries.append(_recovery(trace, "its tasks taken back", returned.taken_back_seconds, bound))
        recoveries.append(_recovery(trace, "its tasks started again", returned.restarted_seconds, bound))
    return recoveries


def _recovery(trace: Trace, what: str, seconds: float, bound_seconds: float) -> Recovery:
    return Recovery(mishap=trace.mishap, what=what, seconds=seconds, bound_seconds=bound_seconds)
