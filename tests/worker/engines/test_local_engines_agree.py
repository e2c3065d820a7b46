"""Both local engines are the same model: greedy answers depend neither on the engine nor on the rest of the batch."""

import asyncio

import msgspec

from router.generation import Completion, GenerationRequest, Message
from tests.worker.engines.engine_loop import EngineLoop
from worker.engines.protocol import Engine

QUESTIONS = (
    "What is the capital of France?",
    "What is the capital of Italy?",
    "Is a whale a fish? Answer yes or no.",
    "What is 17 + 25?",
    "Translate 'good morning' into French.",
    "Name the largest planet.",
    "Who wrote Hamlet?",
    "Is 7 a prime number?",
    "What colour is the sky?",
    "How many legs has a spider?",
    "Review: I loved it. Positive or negative?",
    "Review: A waste of money. Positive or negative?",
    "Convert 3 km to metres.",
    "Name a fruit that is yellow.",
    "What is the opposite of hot?",
    "Write one sentence about the sea.",
    "What is the boiling point of water in Celsius?",
    "Who painted the Mona Lisa?",
    "Complete: roses are red,",
    "Which is heavier, a kilogram of iron or a kilogram of feathers?",
)


def test_greedy_answers_agree(engine_loop: EngineLoop, vllm_engine: Engine, transformers_engine: Engine) -> None:
    requests = [GenerationRequest(messages=(Message(role="user", content=text),), max_tokens=16) for text in QUESTIONS]

    async def ask(engine: Engine) -> list[Completion]:
        return await asyncio.gather(*map(engine.generate, requests))

    by_vllm, by_transformers = engine_loop.run(ask(vllm_engine)), engine_loop.run(ask(transformers_engine))
    equal = sum(left.texts == right.texts for left, right in zip(by_vllm, by_transformers, strict=True))
    assert equal >= 19  # of 20; in float32 all were equal, and a tie of two tokens may still fall either way
    alone = [engine_loop.run(vllm_engine.generate(request)) for request in requests[:5]]
    assert [msgspec.structs.replace(answer, cached_prompt_tokens=0) for answer in alone] == [
        msgspec.structs.replace(answer, cached_prompt_tokens=0) for answer in by_vllm[:5]
    ]
