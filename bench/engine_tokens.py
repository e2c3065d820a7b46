"""Tokens as vLLM's process hands them over, one step of its model after the other."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch


class Step(NamedTuple):
    """What came at a time, in seconds since the epoch: new tokens, and the prompts whose first answer is among them."""

    at: float
    tokens: int


@contextmanager
def watch_tokens() -> Iterator[Sequence[Step]]:
    """Every step of every engine of this process, also of one that is started again, while the block lasts."""
    from vllm.v1.engine.output_processor import OutputProcessor

    steps: list[Step] = []
    process = OutputProcessor.process_outputs

    def count_and_process(self: Any, outputs: Sequence[Any], *others: Any, **named: Any) -> Any:
        known = [(self.request_states.get(output.request_id), output) for output in outputs]
        prompts = sum(state.prompt_len for state, _ in known if state is not None and state.is_prefilling)
        steps.append(Step(time.time(), prompts + sum(len(output.new_token_ids) for output in outputs)))
        return process(self, outputs, *others, **named)

    with patch.object(OutputProcessor, "process_outputs", count_and_process):
        yield steps


def find_full(steps: Sequence[Step], *, rate: float, span: int) -> float:
    """When the first step came after which this many tokens came at this rate (tokens a second) or faster."""
    for place, first in enumerate(steps):
        came = 0
        for step in steps[place + 1 :]:
            came += step.tokens
            if came >= span:
                if came >= rate * (step.at - first.at):
                    return first.at
                break
    raise AssertionError(f"never {rate:.0f} tokens a second in {len(steps)} steps: make the job longer")
