"""Which job's groups go first."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Precedence:
    """Whose groups go first: those of the job with the highest priority, then of the one with the earliest deadline."""

    priority: int = 0
    deadline: datetime | None = None


NO_PRECEDENCE = Precedence()
