"""A chat completion as it is asked for and answered: OpenAI's fields, and ours beside them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.batch_request import BudgetByName, Weight
from gateway.api.error_replies import describe_error
from gateway.api.errors import ApiError
from worker.chat_room import Answered
from worker.telling import Telling

OURS = frozenset({"stream", "stream_options", "budget", "objective", "metadata", "user", "store"})


class ChatRequest(BaseModel):
    """One request to route and answer now; OpenAI's other fields are looked at as a batch's lines are."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: Annotated[str, Field(max_length=300, description='"auto", "auto:TAG", or a strategy\'s name to pin it.')]
    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    budget: Annotated[
        BudgetByName | None, Field(description="The shared budget to draw on; the one called `chat` if none is named.")
    ] = None
    objective: Annotated[
        Weight | None, Field(description="What counts where the budget has no price yet, or none is drawn on.")
    ] = None

    def line_body(self) -> dict[str, Any]:
        """What a batch's line would hold."""
        return self.model_dump(exclude=set(OURS))

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the tokens that were used."""
        return bool(self.stream_options and self.stream_options.get("include_usage"))


def show_completion(answered: Answered, *, completion_id: str, created: int) -> dict[str, Any]:
    """The answer as OpenAI's object; `model` names the strategy, `apportion` says what it cost and by what price."""
    message = {"role": "assistant", "content": answered.outcome.answer, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _find_finish(answered)}
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created,
        "model": answered.request.assigned.priced.strategy.name,
        "choices": [choice],
        "usage": _show_usage(answered),
        "apportion": _show_choice(answered),
    }


class CompletionStream:
    """The same as server-sent events: who speaks, what is said as it comes, why it ends, and then what it took."""

    def __init__(self, telling: Telling, *, completion_id: str, created: int, model: str, with_usage: bool) -> None:
        self._telling, self._with_usage = telling, with_usage
        self._common = {"id": completion_id, "object": "chat.completion.chunk", "created": created, "model": model}

    async def write(self, answering: Awaitable[Mapping[str, Any]]) -> AsyncIterator[bytes]:
        """The events; an error is one too, once something was said."""
        yield self._chunk({"role": "assistant", "content": ""})
        try:
            async for text in self._telling.pieces():
                yield self._chunk({"content": text})
            completion = await asyncio.shield(answering)  # it is kept for whoever asks again, also if nobody listens
        except ApiError as error:
            yield _event({"error": describe_error(error)})
            return
        (choice,) = completion["choices"]
        if rest := self._telling.rest_of(choice["message"]["content"]):
            yield self._chunk({"content": rest})
        yield self._chunk({}, finish=choice["finish_reason"])
        if self._with_usage:
            took = {name: completion[name] for name in ("usage", "apportion")}
            yield _event({**self._common, "choices": [], **took})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event({**self._common, "choices": [choice], **({"usage": None} if self._with_usage else {})})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _find_finish(answered: Answered) -> str:
    reasons = answered.outcome.finish_reasons
    return reasons[0] if reasons else "stop"


def _show_usage(answered: Answered) -> dict[str, Any]:
    outcome = answered.outcome
    return {
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.output_tokens,
        "total_tokens": outcome.prompt_tokens + outcome.output_tokens,
        "prompt_tokens_details": {"cached_tokens": outcome.cached_prompt_tokens},
    }


def _show_choice(answered: Answered) -> dict[str, Any]:
    request = answered.request
    return {
        "job_id": request.job_id,
        "unit": request.unit.value,
        "cost": answered.outcome.cost,
        "predicted_accuracy": request.predicted_accuracy,
        "predicted_cost": request.predicted_cost,
        "price": request.price,
    }
