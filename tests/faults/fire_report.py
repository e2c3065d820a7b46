"""What became of a job under fire, and what of it must not be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.mishaps import Mishap
from tests.faults.recovery import Recovery

MOST_REPEATED = 0.02  # of all tasks
# A worker that starts while the database is away says so, and leaves it to its service manager to try again.
STARTED_IN_VAIN = "error: the database can not be used"


@dataclass(frozen=True, kw_only=True)
class FireReport:
    """What became of a job under fire."""

    seed: int
    tasks: int
    seconds: float
    outcomes: int  # one each: a key forbids a second
    reasons: int  # tasks with a stated reason instead
    errors: int  # outcomes that are errors
    repeated: int  # executions that gave no answer
    looks: int  # at the budget
    worst_excess: int  # quanta above the cap, over all looks: never more than 0
    share_committed: float  # of the cap, in the end
    violations: Sequence[str]
    late: Sequence[Mishap]  # that came after the job's end
    recoveries: Sequence[Recovery]
    deaths: Sequence[str]  # of workers that nobody killed
    exit_codes: Mapping[str, int]  # of all workers, asked to end when all was over

    def list_complaints(self) -> list[str]:
        """What was promised and did not hold, apart from how long it took."""
        unexpected = [death for death in self.deaths if STARTED_IN_VAIN not in death]
        broken = {
            f"{self.outcomes} outcomes and {self.reasons} reasons": self.outcomes + self.reasons != self.tasks,
            f"{self.worst_excess} quanta over the cap": self.worst_excess > 0,
            f"{self.looks} looks at the budget": self.looks < self.seconds,
            f"{self.repeated} tasks were repeated": self.repeated > MOST_REPEATED * self.tasks,
            f"exit codes {dict(self.exit_codes)}": any(self.exit_codes.values()),
            f"the job ended before {', '.join(self.late)}": bool(self.late),
        }
        return [*(name for name, holds in broken.items() if holds), *self.violations, *unexpected]
