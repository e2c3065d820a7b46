"""The words both views use for a moment of the work."""

from gateway.live.progress import Moment
from gateway.report.amounts import say_cost, say_cost_of, say_seconds, say_share
from worker.progress import Progress


def say_count(progress: Progress) -> str:
    """How far the stage is: "137 of 240", or what is done where no total is known."""
    if not progress.total:
        return f"{progress.done:,}" if progress.done else ""
    return f"{progress.done:,} of {progress.total:,}"


def say_spend(progress: Progress) -> str:
    """What was paid, with the cap where there is one; nothing before the job can pay."""
    if progress.unit is None:
        return ""
    if progress.cap is None:
        return say_cost(progress.spent, progress.unit)
    return say_cost_of(progress.spent, progress.cap, progress.unit)


def say_grades(progress: Progress) -> str:
    """The share of right answers so far, where there are grades."""
    return f"{say_share(progress.correct / progress.graded, 0)} right so far" if progress.graded else ""


def say_mix(progress: Progress) -> str:
    """The strategies in use, most used first."""
    used = sorted((progress.mix or {}).items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in used if count)


def say_times(moment: Moment) -> str:
    """How long the stage under way has taken and may still take."""
    left = moment.seconds_left
    took = say_seconds(moment.seconds)
    return took if left is None or moment.share == 1 else f"{took}, about {say_seconds(left)} left"
