"""How long it took after a mishap until all was well again, beside how long it may take."""

from collections.abc import Sequence
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
    disturbed: bool  # another mishap came before it was over

    @property
    def in_time(self) -> bool:
        """Whether it took no longer than it may; nothing is promised while one mishap follows another."""
        return self.disturbed or self.seconds <= self.bound_seconds


def measure_recovery(stage: Stage, trace: Trace, *, beginnings: Sequence[float]) -> list[Recovery]:
    """What can be said of it once the job is over, knowing when mishaps began; nothing where it met no work."""
    measured = {}
    progress = stage.observer.seconds_until_progress(trace.at)
    if progress is not None:
        measured["next task settled"] = (progress, PROGRESS_SECONDS)
    returned = None if trace.loss is None else measure_return(stage.url, trace.loss)
    if returned is not None:
        bound = _bound_return(stage, trace.mishap)
        measured["its tasks taken back"] = (returned.taken_back_seconds, bound)
        measured["its tasks started again"] = (returned.restarted_seconds, bound)
    return [
        Recovery(
            mishap=trace.mishap,
            what=what,
            seconds=seconds,
            bound_seconds=bound,
            disturbed=any(trace.at < other < trace.at + seconds for other in beginnings),
        )
        for what, (seconds, bound) in measured.items()
    ]


def _bound_return(stage: Stage, mishap: Mishap) -> float:
    """The lease and one second; a hung engine is first to be noticed."""
    noticed_seconds = stage.settings.stall_seconds if mishap is Mishap.HANG_ENGINE else 0.0
    return noticed_seconds + stage.settings.lease_seconds + 1
