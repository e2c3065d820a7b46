"""What an engine worker can at most reach: vLLM's AsyncLLM, or its offline generate, with nothing around them.

    python -m bench.engine_bare COUNT

prints what the offline generate does with so many questions, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.engine_prompts import CONTEXT_TOKENS, MAX_TOKENS, OPTIONS, WEIGHTS, write_questions
from router.generation import Message
from worker.engines.prompt_counter import PromptCounter
from worker.engines.vllm_runtime import GRAMMAR_SETTINGS, device_settings, import_vllm, start_async_llm
from worker.settings import read_settings
from worker.weights import resolve_model


class Rate(NamedTuple):
    """What became of a number of prompts."""

    seconds: float
    prompt_tokens: int
    output_tokens: int

    @property
    def output_per_second(self) -> float:
        """Tokens of answers a second."""
        return self.output_tokens / self.seconds


class BareEngine:
    """An AsyncLLM on the running loop, of the settings that our engine has."""

    def __init__(self) -> None:
        self._folder = resolve_model(WEIGHTS, read_settings().cache_directory)
        self._counter = PromptCounter(self._folder.path)
        self._llm: Any = None

    async def start(self, *, log_path: Path) -> float:
        """The seconds that it took, vLLM's import not among them."""
        device = import_vllm(threads=1)
        began = time.monotonic()
        self._llm = start_async_llm(
            self._folder.path, device=device, max_model_len=CONTEXT_TOKENS, options=OPTIONS, log_path=log_path
        )
        await self._llm.get_supported_tasks()
        return time.monotonic() - began

    async def answer(self, questions: Sequence[str]) -> Rate:
        """All of them at once; their prompts are encoded before the clock starts."""
        prompts = [self._counter.encode((Message(role="user", content=question),)) for question in questions]
        began = time.monotonic()
        outputs = await asyncio.gather(*(self._ask(number, ids) for number, ids in enumerate(prompts)))
        return _rate(outputs, seconds=time.monotonic() - began)

    def stop(self) -> None:
        """End its process."""
        self._llm.shutdown()

    async def _ask(self, number: int, prompt_ids: list[int]) -> Any:
        from vllm.inputs import TokensPrompt

        prompt = TokensPrompt(prompt_token_ids=prompt_ids)
        async for output in self._llm.generate(prompt, _sampling(), request_id=f"{time.monotonic_ns()}-{number}"):
            last = output
        return last


def answer_offline(questions: Sequence[str]) -> Rate:
    """By vLLM's `LLM.generate`, which takes a whole list."""
    folder = resolve_model(WEIGHTS, read_settings().cache_directory)
    counter = PromptCounter(folder.path)
    device = import_vllm(threads=1)
    from vllm import LLM
    from vllm.inputs import TokensPrompt

    settings = device_settings(device, CONTEXT_TOKENS) | OPTIONS | {"structured_outputs_config": GRAMMAR_SETTINGS}
    llm = LLM(model=str(folder.path), max_model_len=CONTEXT_TOKENS, enable_prefix_caching=True, **settings)
    prompts = [
        TokensPrompt(prompt_token_ids=counter.encode((Message(role="user", content=text),))) for text in questions
    ]
    llm.generate(prompts[:8], _sampling(), use_tqdm=False)
    began = time.monotonic()
    outputs = llm.generate(prompts, _sampling(), use_tqdm=False)
    return _rate(outputs, seconds=time.monotonic() - began)


def _sampling() -> Any:
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(temperature=0.0, max_tokens=MAX_TOKENS, output_kind=RequestOutputKind.FINAL_ONLY)


def _rate(outputs: Sequence[Any], *, seconds: float) -> Rate:
    return Rate(
        seconds=seconds,
        prompt_tokens=sum(len(output.prompt_token_ids) for output in outputs),
        output_tokens=sum(len(sample.token_ids) for output in outputs for sample in output.outputs),
    )


if __name__ == "__main__":
    print(json.dumps(answer_offline(write_questions(int(sys.argv[1])))))
