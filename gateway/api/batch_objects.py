"""Batches as OpenAI's client reads them, with what is ours beside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from db.batches import Batch
from db.states import BatchStatus
from gateway.api.lists import Listed
from gateway.batch_figures import BatchFigures


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class BatchError(_Frozen):
    """Something wrong with the input file, or with the batch as a whole (no line)."""

    code: str
    line: int | None
    message: str
    param: str | None


class BatchErrors(_Frozen):
    """Why a batch failed: the first problems."""

    object: Literal["list"] = "list"
    data: list[BatchError]


class RequestCounts(_Frozen):
    """How the requests stand."""

    total: int
    completed: int
    failed: int


class CachedTokens(_Frozen):
    """Of the input tokens; batches are charged as if there were none."""

    cached_tokens: int = 0


class ReasoningTokens(_Frozen):
    """Of the output tokens; they are not told apart."""

    reasoning_tokens: int = 0


class Usage(_Frozen):
    """Tokens of every answer."""

    input_tokens: int
    input_tokens_details: CachedTokens = CachedTokens()
    output_tokens: int
    output_tokens_details: ReasoningTokens = ReasoningTokens()
    total_tokens: int


class Spent(_Frozen):
    """What the batch used, in the unit of its budget; `burned` of it was charged for answers that were lost."""

    amount: float
    unit: str
    burned: float
    reserved: float
    overrun: float


class Routing(_Frozen):
    """Who answered, how well, and what one more unit of the budget would bring."""

    mix: dict[str, int]
    predicted_accuracy: float | None
    observed_accuracy: float | None
    shadow_price: float | None


class BatchObject(Listed):
    """A batch; `spent`, `routing`, `skipped_budget` and `paused` are ours."""

    object: Literal["batch"] = "batch"
    endpoint: str
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str
    status: BatchStatus
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    metadata: dict[str, str] | None
    usage: Usage | None
    spent: Spent | None
    routing: Routing | None
    skipped_budget: int
    paused: bool = Field(description="Nothing new of it is started until it is unpaused.")


TIMES = (
    *("created_at", "in_progress_at", "expires_at", "finalizing_at", "completed_at"),
    *("failed_at", "expired_at", "cancelling_at", "cancelled_at"),
)


def show_batch(batch: Batch, figures: BatchFigures | None) -> BatchObject:
    """The batch's object; `figures` are None before it is a job, and without a unit where it never was one."""
    return BatchObject(
        id=batch.id,
        endpoint=batch.endpoint,
        errors=None if batch.errors is None else BatchErrors(data=[BatchError(**error) for error in batch.errors]),
        input_file_id=batch.input_file_id,
        completion_window=batch.completion_window,
        status=batch.status,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        request_counts=_show_counts(figures),
        metadata=None if batch.meta is None else dict(batch.meta),
        usage=_show_usage(figures),
        spent=_show_spent(figures),
        routing=_show_routing(figures),
        skipped_budget=0 if figures is None else figures.skipped_budget,
        paused=figures is not None and figures.paused,
        **_show_times(batch),
    )


def _show_times(batch: Batch) -> dict[str, Any]:
    times: Mapping[str, datetime | None] = {name: getattr(batch, name) for name in TIMES}
    return {name: None if time is None else int(time.timestamp()) for name, time in times.items()}


def _show_counts(figures: BatchFigures | None) -> RequestCounts:
    if figures is None:
        return RequestCounts(total=0, completed=0, failed=0)
    return RequestCounts(total=figures.total, completed=figures.completed, failed=figures.failed)


def _show_usage(figures: BatchFigures | None) -> Usage | None:
    if figures is None or figures.input_tokens is None or figures.output_tokens is None:
        return None
    total = figures.input_tokens + figures.output_tokens
    return Usage(input_tokens=figures.input_tokens, output_tokens=figures.output_tokens, total_tokens=total)


def _show_spent(figures: BatchFigures | None) -> Spent | None:
    if figures is None or figures.unit is None:
        return None
    return Spent(
        amount=figures.spent,
        unit=figures.unit,
        burned=figures.burned,
        reserved=figures.reserved,
        overrun=figures.overrun,
    )


def _show_routing(figures: BatchFigures | None) -> Routing | None:
    if figures is None or figures.unit is None:
        return None
    return Routing(
        mix=dict(figures.mix),
        predicted_accuracy=figures.predicted_accuracy,
        observed_accuracy=figures.observed_accuracy,
        shadow_price=figures.shadow_price,
    )
