"""What the requests of a task may hold: what was reserved for them, whatever the model writes on the way."""

from collections.abc import Sequence

from router.decoding.protocol import FollowUp, Stage
from router.errors import NotEligible
from router.generation import GenerationRequest
from worker.engines.prompt_bound import PromptBound
from worker.engines.prompt_counter import PromptCounter
from worker.pool import PricedStrategy
from worker.task_line import TaskLine

Counter = PromptCounter | PromptBound


class OutOfBounds(Exception):
    """A decoding method asks for more than its stages say."""


def list_stages(line: TaskLine, priced: PricedStrategy) -> tuple[Stage, ...]:
    """What this strategy would ask at most for a task; nothing when it can not serve it."""
    if not line.allows(priced.strategy):
        return ()
    try:
        return priced.strategy.decoding.stages(line.prompt)
    except NotEligible:
        return ()


def bound_prompts(stages: Sequence[Stage], counter: Counter) -> list[int]:
    """The most prompt tokens of each stage, with all that it may carry. PromptRefused by the model's template."""
    counts = counter.count([stage.request.messages for stage in stages])
    return [
        count + (counter.bound_carried(stage.carry_tokens) if stage.carry_tokens else 0)
        for count, stage in zip(counts, stages, strict=True)
    ]


def bound_request(
    asked: GenerationRequest | FollowUp, *, place: int, line: TaskLine, priced: PricedStrategy
) -> GenerationRequest:
    """The request that may be sent in this place, carried text shortened at its end where it has to be.

    OutOfBounds where nothing was reserved for such a request: no answer to what this gives costs more than was.
    """
    stages, counter = list_stages(line, priced), priced.model.counter
    if place >= len(stages):
        raise OutOfBounds(f"request {place + 1} was not foreseen: the method's stages are {len(stages)}")
    stage = stages[place]
    most_prompt = bound_prompts([stage], counter)[0]
    request = asked if isinstance(asked, GenerationRequest) else _shorten(asked, most=most_prompt, counter=counter)
    prompt_tokens = _count(request, counter)
    if prompt_tokens > most_prompt or request.max_output_tokens > stage.request.max_output_tokens:
        raise OutOfBounds(
            f"request {place + 1} has {prompt_tokens} prompt tokens and may be answered with "
            f"{request.max_output_tokens}; its stage says {most_prompt} and {stage.request.max_output_tokens} at most"
        )
    return request


def _shorten(asked: FollowUp, *, most: int, counter: Counter) -> GenerationRequest:
    """The request with the longest beginning of its carried text that fits, as far as halving finds it."""
    fitting, too_long = 0, len(asked.carried) + 1
    middle = len(asked.carried)  # nearly always, all of it fits
    while middle > fitting:
        if _count(asked.write(asked.carried[:middle]), counter) <= most:
            fitting = middle
        else:
            too_long = middle
        middle = (fitting + too_long) // 2
    return asked.write(asked.carried[:fitting])


def _count(request: GenerationRequest, counter: Counter) -> int:
    return counter.count([request.messages])[0]
