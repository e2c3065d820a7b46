"""What a training takes on."""

from dataclasses import dataclass
from datetime import datetime

from db.states import TrainingScope


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Which strategies, and what has happened up to when."""

    scope: TrainingScope = TrainingScope.NEWS
    cutoff: datetime | None = None  # None: everything that is committed


WHAT_IS_NEW = Lesson()
