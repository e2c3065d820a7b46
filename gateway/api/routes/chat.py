"""Chat completions: one request, routed and answered while the client waits, within a shared budget."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from db.errors import BudgetDenied, StaleFence
from db.session import run_in_transaction
from db.shared_budgets import find_shared_budget
from db.tasks import NewTask
from gateway.api.callers import Caller, Known
from gateway.api.chat_objects import ChatRequest, CompletionStream, show_completion
from gateway.api.errors import ApiError, BudgetRefused, InvalidRequest, NotPermitted, NotTrained, Unavailable
from gateway.api.examples import COMPLETION
from gateway.api.front_door import Door, FrontDoor
from gateway.api.once import Spent, answer_once
from gateway.api.sending import Sent
from gateway.joblines import CHAT_URL, check_line, name_models
from worker.chat_room import Answered
from worker.engines.errors import EngineError
from worker.errors import BudgetTooSmall, BudgetUnusable, NoSuchBudget, NothingServes, UntrainedStrategies
from worker.gen_ai import CHAT, AnswerTally
from worker.telling import Telling

routes = APIRouter(prefix="/v1/chat", tags=["chat"])

DEFAULT_BUDGET = "chat"
DEFAULT_WEIGHT = 0.5

_REPLIES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream`, as server-sent events.",
        "content": {"application/json": {"schema": {"type": "object"}, "example": COMPLETION}, "text/event-stream": {}},
    }
}


@routes.post("/completions", responses=_REPLIES, response_model=None)
async def complete_chat(body: ChatRequest, request: Request, door: Door, caller: Caller, sent: Sent) -> Response:
    """Answer one request by the strategy that is worth its cost at the budget's price now.

    Its worst case is reserved before it is asked, and what it cost is charged after that, whether or not the client
    still waits; the same sent again under its `Idempotency-Key` is neither asked nor charged again. A stream begins
    with the first words where the engine tells them, else with the whole answer.
    """
    completion_id = f"chatcmpl-{uuid.uuid4().hex}"
    request.state.told |= {"gen_ai.operation.name": CHAT, "gen_ai.request.model": body.model}
    task = _make_task(door, body, custom_id=completion_id)
    telling = Telling() if body.stream else None
    answer = partial(_answer, door, caller, task, body=body, telling=telling, told=request.state.told)
    asked = f"chat {body.model_dump_json()}"
    answering = asyncio.create_task(answer_once(door.database, caller, sent, asked=asked, answer=answer))
    answering.add_done_callback(partial(_end_telling, telling))
    if telling is None:
        return JSONResponse(await asyncio.shield(answering))
    stream = await _open_stream(telling, answering, completion_id=completion_id, with_usage=body.wants_usage)
    return StreamingResponse(
        stream.write(answering), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _open_stream(
    telling: Telling, answering: "asyncio.Task[Mapping[str, Any]]", *, completion_id: str, with_usage: bool
) -> CompletionStream:
    """Once its first word is there, or else all of it: what is refused before has a status of its own."""
    if await telling.has_begun():
        assert telling.request is not None
        model, created = telling.request.assigned.priced.strategy.name, int(time.time())
    else:
        completion = await answering
        completion_id, model, created = (completion[name] for name in ("id", "model", "created"))
    return CompletionStream(telling, completion_id=completion_id, created=created, model=model, with_usage=with_usage)


def _end_telling(telling: Telling | None, answering: "asyncio.Task[Mapping[str, Any]]") -> None:
    if not answering.cancelled():
        answering.exception()  # known now, also where nobody waits any more
    if telling is not None:
        telling.end()


def _make_task(door: FrontDoor, body: ChatRequest, *, custom_id: str) -> NewTask:
    line = json.dumps({"custom_id": custom_id, "method": "POST", "url": CHAT_URL, "body": body.line_body()})
    checked = check_line(line, line_number=1, models=name_models(door.pool.strategies))
    if checked.task is None:
        field, text = checked.problems[0]
        param = field.removeprefix("body.") or None
        raise InvalidRequest(f"{param or 'the request'}: {text}", param=param)
    return NewTask(custom_id=custom_id, payload=line)


def _choose_budget(door: FrontDoor, caller: Known, body: ChatRequest) -> str | None:
    """The shared budget's name; None where the request goes by a weight alone."""
    allowed = None if caller.key is None else caller.key.budgets
    if body.budget is not None:
        if allowed is not None and body.budget.name not in allowed:
            raise NotPermitted(f"this key may draw on {', '.join(allowed)} alone", param="budget")
        return body.budget.name
    if allowed is not None:
        if len(allowed) == 1:
            return allowed[0]
        raise NotPermitted(f"this key may draw on {', '.join(allowed)}: name one of them", param="budget")
    common = run_in_transaction(
        door.database,
        lambda session: find_shared_budget(session, tenant_id=caller.tenant_id, name=DEFAULT_BUDGET),
    )
    if common is not None:
        return DEFAULT_BUDGET
    if body.objective is None:
        raise InvalidRequest(
            f'name the shared budget to draw on (`"budget": {{"name": ...}}`), make one called {DEFAULT_BUDGET}, or '
            'give a weight (`"objective": {"weight": 0.5}`) to be answered without a cap',
            param="budget",
        )
    return None


async def _answer(
    door: FrontDoor,
    caller: Known,
    task: NewTask,
    *,
    body: ChatRequest,
    telling: Telling | None,
    told: dict[str, object],
) -> Mapping[str, Any]:
    """The completion; what the request's line of log tells of it is added to `told`."""
    budget = await run_in_threadpool(_choose_budget, door, caller, body)
    weight = DEFAULT_WEIGHT if body.objective is None else body.objective.weight
    meta = {"chat": True, "job_file": "chat"}
    try:
        answered = await door.chat.answer(
            task, tenant_id=caller.tenant_id, budget=budget, weight=weight, meta=meta, telling=telling
        )
    except StaleFence as error:  # its worst case is charged
        raise Spent(Unavailable(str(error))) from None
    except tuple(REFUSALS) as error:
        refuse = next(refuse for kind, refuse in REFUSALS.items() if isinstance(error, kind))
        told["error.type"] = type(error).__name__
        raise refuse(str(error)) from None
    told |= _describe(answered) | {"gen_ai.request.model": body.model, "gen_ai.response.id": task.custom_id}
    _require_answer(answered)
    return show_completion(answered, completion_id=task.custom_id, created=int(time.time()))


def _require_answer(answered: Answered) -> None:
    """InvalidRequest or Unavailable where there is none; Spent where that has cost something."""
    outcome = answered.outcome
    if outcome.error_code is None:
        return
    if outcome.error_code == "prompt_refused":
        error: ApiError = InvalidRequest(f"the strategy's engine refuses the request: {outcome.error_message}")
    else:
        error = Unavailable(f"the strategy's engine did not answer: {outcome.error_message}")
    raise Spent(error) if outcome.cost else error


def _describe(answered: Answered) -> dict[str, object]:
    strategy = answered.request.assigned.priced.strategy
    tally = AnswerTally(strategy)
    tally.note([answered.outcome])
    return {"job": answered.request.job_id, "strategy": strategy.name, **tally.describe()}


def _of_budget(message: str) -> ApiError:
    return BudgetRefused(message, param="budget")


def _unusable(message: str) -> ApiError:
    return InvalidRequest(message, param="budget")


# The first row that fits decides.
REFUSALS: dict[type[Exception], type[ApiError] | Any] = {
    BudgetTooSmall: _of_budget,
    BudgetDenied: _of_budget,
    BudgetUnusable: _unusable,
    NoSuchBudget: _unusable,
    NothingServes: Unavailable,
    UntrainedStrategies: NotTrained,
    EngineError: Unavailable,
}
