"""What a batch came to, or has come to so far: counts, spending, who answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from db.batch_figures import read_job_figures
from router.units import QUANTA_PER_UNIT, Unit


@dataclass(frozen=True, kw_only=True)
class BatchFigures:
    """As they leave; costs are in the unit that is named beside them."""

    total: int
    completed: int
    failed: int
    skipped_budget: int
    unit: str | None  # None: it never became a job
    spent: float  # with what was burned
    burned: float
    reserved: float
    overrun: float
    mix: Mapping[str, int]  # answers by strategy
    shadow_price: float | None  # right answers per unit
    observed_accuracy: float | None  # of answers with a grade; at the end with a label of any source
    paused: bool = False  # nothing new is started; never at the end
    predicted_accuracy: float | None = None  # known at the end
    input_tokens: int | None = None  # the same
    output_tokens: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "BatchFigures":
        """What `to_json` wrote."""
        return cls(**value)


def read_figures(session: Session, *, job_id: int) -> BatchFigures:
    """The figures of a batch's job as they stand."""
    job = read_job_figures(session, job_id=job_id)
    quantum = QUANTA_PER_UNIT[Unit(job.unit)]
    return BatchFigures(
        total=job.total,
        completed=job.answered - job.errors,
        failed=job.errors + job.given_up,
        skipped_budget=job.skipped_budget,
        unit=job.unit,
        spent=(job.spent + job.burned) / quantum,
        burned=job.burned / quantum,
        reserved=job.reserved / quantum,
        overrun=job.overrun / quantum,
        mix=job.mix,
        shadow_price=None if job.shadow_price is None else job.shadow_price * quantum,
        observed_accuracy=job.correct / job.graded if job.graded else None,
        paused=job.paused,
    )


def count_unplanned(requests: int) -> BatchFigures:
    """The figures of a batch that ended before it became a job: none of its requests was begun."""
    return BatchFigures(
        total=requests,
        completed=0,
        failed=requests,
        skipped_budget=0,
        unit=None,
        spent=0.0,
        burned=0.0,
        reserved=0.0,
        overrun=0.0,
        mix={},
        shadow_price=None,
        observed_accuracy=None,
    )


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What is known once every answer was read."""

    predicted_accuracy: float | None
    observed_accuracy: float | None
    input_tokens: int
    output_tokens: int


def complete_figures(figures: BatchFigures, answered: Answered) -> BatchFigures:
    """The figures that are kept with the batch."""
    return replace(figures, paused=False, **asdict(answered))
