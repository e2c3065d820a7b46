"""One execution of one task: asked, read, graded and priced."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from db.settlements import NewOutcome
from router.generation import Completion, GenerationRequest
from router.grading import Grader, grade
from router.units import Unit
from worker.engines.errors import EngineDied, EngineUnavailable, PromptRefused
from worker.engines.protocol import Engine
from worker.forecast import build_request
from worker.pool import PricedStrategy
from worker.task_line import TaskLine

TRIES = 6  # of what cost nothing; a request that may have been charged would cost again
BACKOFF_SECONDS = 0.5  # doubled after each try: 15 s in all
LONGEST_PAUSE_SECONDS = 30.0  # whatever a server asks for: a reservation is held all the while
MAX_LOST_WORKERS = 3  # a task that was running each time its worker was lost is not tried for ever


class AssignedTwin(NamedTuple):
    """A task that is identical to an assigned one, and waits for its answer."""

    seq: int
    grader: Grader | None


class Assigned(NamedTuple):
    """A task with the strategy that serves it and the most it may cost, in quanta."""

    seq: int
    line: TaskLine
    priced: PricedStrategy
    amount: int
    least: int  # what the budget keeps free for it until it is started, in quanta
    lost_workers: int  # how often it was running when its worker or engine was lost, or found no engine
    twins: Sequence[AssignedTwin] = ()


async def execute(assigned: Assigned, *, engine: Engine, unit: Unit) -> NewOutcome:
    """The task's final outcome, charged by the strategy's tariff.

    EngineDied when the engine is gone, EngineUnavailable when it can not be reached, EngineMisconfigured when it will
    never answer: then the task has no outcome yet.
    """
    if assigned.lost_workers >= MAX_LOST_WORKERS:
        lost = f"{assigned.lost_workers} times the worker or engine was lost under this task: it is not tried again"
        return fail(assigned, code="worker_lost", message=lost, cost=0)
    request = build_request(assigned.line, assigned.priced)
    assert request is not None, "routing assigns only strategies that can serve the task"
    started = time.monotonic()
    try:
        completion = await _generate(engine, request)
    except PromptRefused as error:
        return fail(assigned, code="prompt_refused", message=str(error), cost=assigned.amount if error.charged else 0)
    except EngineUnavailable as error:
        if isinstance(error, EngineDied) or not error.charged:
            raise
        return fail(assigned, code="engine_unavailable", message=str(error), cost=assigned.amount)
    return _conclude(assigned, completion, unit=unit, latency_seconds=time.monotonic() - started)


async def _generate(engine: Engine, request: GenerationRequest) -> Completion:
    """Try again what cost nothing; what may have been charged is never sent twice under one reservation."""
    for attempt in range(TRIES - 1):
        try:
            return await engine.generate(request)
        except EngineUnavailable as error:
            if error.charged:
                raise
            pause = error.retry_after_seconds or BACKOFF_SECONDS * 2**attempt
            await asyncio.sleep(min(pause, LONGEST_PAUSE_SECONDS))
    return await engine.generate(request)


def _conclude(assigned: Assigned, completion: Completion, *, unit: Unit, latency_seconds: float) -> NewOutcome:
    line, priced = assigned.line, assigned.priced
    answer = priced.strategy.decoding.extract(line.prompt, completion.texts)
    cached_prompt_tokens = min(completion.cached_prompt_tokens, completion.prompt_tokens)  # whatever a server says
    return NewOutcome(
        seq=assigned.seq,
        answer=answer,
        prompt_tokens=completion.prompt_tokens,
        output_tokens=completion.output_tokens,
        cost=priced.tariff.charge(
            unit,
            prompt_tokens=completion.prompt_tokens,
            output_tokens=completion.output_tokens,
            cached_prompt_tokens=cached_prompt_tokens,
        ),
        texts=completion.texts,
        finish_reasons=completion.finish_reasons,
        correct=None if line.grader is None else grade(line.grader, answer),
        latency_seconds=latency_seconds,
        propensity=1.0,  # routing is deterministic: the logged choice had no alternative
        cached_prompt_tokens=cached_prompt_tokens,
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
        propensity=1.0,
    )
