"""Progress: how far a job is and what it has used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.states import RequeueReason


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """Counts over a job's tasks (in a calibration: tasks times strategies), and its own share of the ledger."""

    answers_needed: int
    outcomes: int
    errors: int  # outcomes with an error code
    graded: int
    correct: float  # sum over graded outcomes
    requeued: Mapping[RequeueReason, int]  # live rows only
    ready_groups: int
    claimed_groups: int
    done_groups: int
    reserved: int
    spent: int
    burned: int
    overrun: int


@dataclass(frozen=True, kw_only=True)
class SpendPoint:
    """A job's spending after one ledger entry, in quanta."""

    at: datetime
    reserved: int
    spent: int
    burned: int


def read_progress(session: Session, *, job_id: int) -> JobProgress:
    """The counts as of now."""
    raise NotImplementedError


def read_spending(session: Session, *, job_id: int) -> list[SpendPoint]:
    """The job's spending over time, one point for each ledger entry."""
    raise NotImplementedError


def read_predicted_in_flight(session: Session, *, budget_id: int) -> int:
    """Predicted cost, in quanta, of what is routed under the budget and not answered yet."""
    raise NotImplementedError
