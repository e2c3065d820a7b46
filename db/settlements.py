"""Settlements: a batch is charged what it cost, and its answers are stored, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class NewOutcome:
    """A final answer (or a final refusal: error_code set, answer empty)."""

    seq: int
    answer: str
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta
    response: Mapping[str, Any]  # texts, finish_reasons
    correct: float | None = None
    error_code: str | None = None
    error_message: str | None = None
    latency_seconds: float | None = None
    propensity: float | None = None


@dataclass(frozen=True, kw_only=True)
class NewRetry:
    """An execution that failed in a way that may pass: the task goes back to routing."""

    seq: int
    error_code: str
    error_message: str
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta; charged although there is no answer
    exclude_strategy: bool = False  # whether routing must choose another one
    delay_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What a settlement did to the budget, in quanta."""

    spent: int
    released: int
    overrun: int


def settle_batch(
    session: Session,
    *,
    group_id: int,
    fence: int,
    batch_no: int,
    outcomes: Sequence[NewOutcome],
    retries: Sequence[NewRetry] = (),
) -> Settlement:
    """What the batch came to. StaleFence, AlreadySettled; BatchMismatch unless every task of the batch has one entry."""
    raise NotImplementedError
