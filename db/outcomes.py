"""Outcomes: read for output files and training, or imported from a recording."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.settlements import NewOutcome
from db.states import RequeueReason


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What became of a task in one arm: an outcome, or the reason why there is none (neither: not yet)."""

    seq: int
    custom_id: str
    arm: int
    reason: RequeueReason | None  # set when there is no outcome and the task waits or was given up
    strategy_id: int | None
    group_id: int | None
    window_id: int | None
    shadow_price: float | None  # of its window
    answer: str | None
    response: dict[str, object] | None
    error_code: str | None
    error_message: str | None
    prompt_tokens: int | None
    output_tokens: int | None
    cost: int | None
    correct: float | None
    latency_seconds: float | None
    propensity: float | None


@dataclass(frozen=True, kw_only=True)
class TrainingRow:
    """One outcome of a strategy as training sees it."""

    job_id: int
    seq: int
    payload: str
    correct: float
    prompt_tokens: int
    output_tokens: int
    source: str


def iterate_results(session: Session, *, job_id: int) -> Iterator[TaskResult]:
    """Every task of the job, in order, streamed."""
    raise NotImplementedError


def read_training_rows(session: Session, *, strategy_id: int) -> list[TrainingRow]:
    """Outcomes, with known correctness, of all versions that answer like this one; the newest label wins."""
    raise NotImplementedError


def import_recording(session: Session, *, job_id: int, strategy_id: int, outcomes: Sequence[NewOutcome]) -> int:
    """The number of outcomes stored: recorded elsewhere, charged to no budget. Only for calibration jobs."""
    raise NotImplementedError
