"""On what terms a job gives second chances: settled when it is planned, and kept with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from router.failure_shift import FailureShifts


@dataclass(frozen=True, kw_only=True, eq=False)
class SecondChanceTerms:
    """What is known of failures before any."""

    shifts: FailureShifts  # by the columns of the job's strategies
    learnt_from: int  # invalid answers of calibrations; 0: the priors alone

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"shifts": self.shifts.to_json(), "learnt_from": self.learnt_from}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SecondChanceTerms":
        """What `to_json` wrote."""
        return cls(shifts=FailureShifts.from_json(value["shifts"]), learnt_from=value["learnt_from"])
