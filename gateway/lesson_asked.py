"""What is to be trained, from the options of a command."""

from datetime import UTC, datetime

from db.states import TrainingScope
from gateway.errors import UsageError
from worker.lesson import Lesson


def read_lesson(*, everything: bool, cutoff: str | None) -> Lesson:
    """What a moment in the past is asked for teaches every strategy; UsageError for one that can not be read."""
    scope = TrainingScope.ALL if everything or cutoff is not None else TrainingScope.NEWS
    return Lesson(scope=scope, cutoff=None if cutoff is None else _read_moment(cutoff))


def _read_moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)  # one without a zone is of this machine's
    except (ValueError, OverflowError):
        raise UsageError(f'--cutoff is {text!r}: write "2026-12-24T06:00" or "2026-12-24T06:00+01:00"') from None
