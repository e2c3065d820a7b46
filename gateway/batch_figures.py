"""What a batch came to, or has come to so far: counts, spending, who answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from db.batch_figures import count_given_up, read_shadow_price, read_shares, read_spend
from db.jobs import read_job
from db.states import RequeueReason
from db.strategies import read_strategies
from router.units import QUANTA_PER_UNIT, Unit


@dataclass(frozen=True, kw_only=True)
class BatchFigures:
    """As they leave; costs are in the unit that is named beside them."""

    total: int
    completed: int
    failed: int
    skipped_budget: int
    unit: str
    spent: float  # with what was burned
    burned: float
    reserved: float
    overrun: float
    mix: Mapping[str, int]  # answers by strategy
    shadow_price: float | None  # right answers per unit
    observed_accuracy: float | None  # of answers with a grade
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
    job = read_job(session, job_id=job_id)
    names = {row.id: row.name for row in read_strategies(session, strategy_ids=job.strategy_ids)}
    spend, shares = read_spend(session, job=job), read_shares(session, job_id=job_id)
    given_up = count_given_up(session, job_id=job_id)
    errors, graded = sum(share.errors for share in shares), sum(share.graded for share in shares)
    price, quantum = read_shadow_price(session, job_id=job_id), QUANTA_PER_UNIT[Unit(spend.unit)]
    return BatchFigures(
        total=job.task_count,
        completed=sum(share.answered for share in shares) - errors,
        failed=errors + sum(given_up.values()),
        skipped_budget=given_up.get(RequeueReason.BUDGET_EXHAUSTED, 0),
        unit=spend.unit,
        spent=(spend.spent + spend.burned) / quantum,
        burned=spend.burned / quantum,
        reserved=spend.reserved / quantum,
        overrun=spend.overrun / quantum,
        mix={names[share.strategy_id]: share.answered for share in shares if share.answered},
        shadow_price=None if price is None else price * quantum,
        observed_accuracy=sum(share.correct for share in shares) / graded if graded else None,
    )


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What is known once every answer was read."""

    predicted_accuracy: float | None
    input_tokens: int
    output_tokens: int


def complete_figures(figures: BatchFigures, answered: Answered) -> BatchFigures:
    """The figures that are kept with the batch."""
    return replace(figures, **asdict(answered))
