"""One execution of one task: asked, read, graded and priced."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from db.settlements import NewOutcome
from router.decoding.one_request import OneRequest
from router.generation import Completion, GenerationRequest
from router.grading import Grader, grade
from router.second_chance import Verdict
from router.units import Unit
from worker.engines.errors import (
    EngineDied,
    EngineError,
    EngineMisconfigured,
    EngineUnavailable,
    PromptRefused,
    UsageImpossible,
)
from worker.engines.protocol import Answering
from worker.pool import PricedStrategy
from worker.stage_bounds import OutOfBounds, bound_request
from worker.task_line import TaskLine
from worker.usage import add_up, list_usage

TRIES = 6  # of what cost nothing; a request that may have been charged would cost again
BACKOFF_SECONDS = 0.5  # doubled after each try: 15 s in all
LONGEST_PAUSE_SECONDS = 30.0  # whatever a server asks for: a reservation is held all the while
ERROR_CODES = {PromptRefused: "prompt_refused", UsageImpossible: "usage_impossible"}  # others say engine_unavailable
WORKER_LOST = "worker_lost"  # the error code of an outcome of a task that was not asked any more
MAX_LOST_WORKERS = 3  # a task that was running each time its worker was lost is not tried for ever


class AssignedTwin(NamedTuple):
    """A task that is identical to an assigned one, and waits for its answer."""

    seq: int
    grader: Grader | None


class Assigned(msgspec.Struct, frozen=True):
    """A task with the strategy that serves it and the most it may cost, in quanta."""

    seq: int
    line: TaskLine
    priced: PricedStrategy
    amount: int
    least: int  # what the budget keeps free for it until it is started, in quanta
    lost_workers: int  # how often it was running when its worker or engine was lost, or found no engine
    kept: Verdict | None = None  # on its first answer, where this is its second chance
    propensity: float | None = 1.0  # with what chance it got this strategy; None: no draw says so
    twins: Sequence[AssignedTwin] = ()


async def execute(assigned: Assigned, *, engine: Answering, unit: Unit) -> NewOutcome:
    """The task's final outcome, charged by the strategy's tariff.

    EngineDied when the engine is gone, EngineUnavailable when it can not be reached, EngineMisconfigured when it will
    never answer: then the task has no outcome yet.
    """
    if assigned.lost_workers >= MAX_LOST_WORKERS:
        lost = f"{assigned.lost_workers} times the worker or engine was lost under this task: it is not tried again"
        return fail(assigned, code=WORKER_LOST, message=lost, cost=0)
    started = time.monotonic()
    completions: list[Completion] = []
    try:
        answer = await _ask_all(assigned, engine, completions)
    except EngineError as error:
        return _end_early(assigned, error, completions, unit=unit)
    except OutOfBounds as error:
        return _fail_after(assigned, completions, code="method_out_of_bounds", message=str(error), unit=unit)
    latency_seconds = time.monotonic() - started
    return _conclude(assigned, answer, completions, unit=unit, latency_seconds=latency_seconds)


async def _ask_all(assigned: Assigned, engine: Answering, completions: list[Completion]) -> str:
    """The answer, once every request that its method makes is answered; each completion is kept as it comes."""
    line, priced = assigned.line, assigned.priced
    decoding = priced.strategy.decoding
    if isinstance(decoding, OneRequest):  # its request is its stage: there is nothing to compare
        completions.append(await _generate(engine, priced.strategy.address(decoding.build(line.prompt))))
        return decoding.extract(line.prompt, completions[0].texts)
    asking = decoding.ask(line.prompt)
    asked = next(asking)
    while True:
        request = bound_request(asked, place=len(completions), line=line, priced=priced)
        completion = await _generate(engine, priced.strategy.address(request))
        completions.append(completion)
        try:
            asked = asking.send(completion)
        except StopIteration as end:
            answer: str = end.value
            return answer


def _end_early(assigned: Assigned, error: EngineError, completions: Sequence[Completion], *, unit: Unit) -> NewOutcome:
    """The outcome of a task whose engine failed, charged what was used and at its worst what may have been.

    What has no outcome yet is raised: it is tried again, and charged in full where any of it was answered.
    """
    if isinstance(error, EngineDied | EngineMisconfigured):
        raise type(error)(str(error), charged=error.charged or bool(completions)) from error
    if isinstance(error, EngineUnavailable) and not (error.charged or completions):
        raise error
    code = next((code for kind, code in ERROR_CODES.items() if isinstance(error, kind)), "engine_unavailable")
    if error.charged:
        return fail(assigned, code=code, message=str(error), cost=assigned.amount)
    return _fail_after(assigned, completions, code=code, message=str(error), unit=unit)


async def _generate(engine: Answering, request: GenerationRequest) -> Completion:
    """Try again what cost nothing; what may have been charged is never sent twice under one reservation."""
    for attempt in range(TRIES - 1):
        try:
            return await engine.generate(request)
        except EngineUnavailable as error:
            if error.charged or isinstance(error, EngineDied):
                raise
            pause = error.retry_after_seconds or BACKOFF_SECONDS * 2**attempt
            await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
    return await engine.generate(request)


def _conclude(
    assigned: Assigned, answer: str, completions: Sequence[Completion], *, unit: Unit, latency_seconds: float
) -> NewOutcome:
    line, priced = assigned.line, assigned.priced
    whole = completions[0] if len(completions) == 1 else add_up(completions)
    cached_prompt_tokens = min(whole.cached_prompt_tokens, whole.prompt_tokens)  # whatever a server says
    return NewOutcome(
        seq=assigned.seq,
        answer=answer,
        prompt_tokens=whole.prompt_tokens,
        output_tokens=whole.output_tokens,
        cost=priced.tariff.charge(
            unit,
            prompt_tokens=whole.prompt_tokens,
            output_tokens=whole.output_tokens,
            cached_prompt_tokens=cached_prompt_tokens,
        ),
        texts=whole.texts,
        finish_reasons=whole.finish_reasons,
        correct=None if line.grader is None else grade(line.grader, answer),
        latency_seconds=latency_seconds,
        propensity=assigned.propensity,
        cached_prompt_tokens=cached_prompt_tokens,
        requests=list_usage(completions) if len(completions) > 1 else (),
    )


def _fail_after(
    assigned: Assigned, completions: Sequence[Completion], *, code: str, message: str, unit: Unit
) -> NewOutcome:
    """A failure of a later request: what was answered before it is charged as it was used, and kept."""
    used = add_up(completions)
    cost = assigned.priced.tariff.charge(
        unit,
        prompt_tokens=used.prompt_tokens,
        output_tokens=used.output_tokens,
        cached_prompt_tokens=used.cached_prompt_tokens,
    )
    return msgspec.structs.replace(
        fail(assigned, code=code, message=message, cost=cost),
        prompt_tokens=used.prompt_tokens,
        output_tokens=used.output_tokens,
        cached_prompt_tokens=used.cached_prompt_tokens,
        texts=used.texts,
        finish_reasons=used.finish_reasons,
        requests=list_usage(completions),
    )


def fail(assigned: Assigned, *, code: str, message: str, cost: int) -> NewOutcome:
    """A final outcome without an answer, and without a grade: nothing was learnt about the strategy."""
    return NewOutcome(
        seq=assigned.seq,
        answer="",
        prompt_tokens=0,
        output_tokens=0,
        cost=cost,
        texts=(),
        finish_reasons=(),
        error_code=code,
        error_message=message,
        propensity=assigned.propensity,
    )
