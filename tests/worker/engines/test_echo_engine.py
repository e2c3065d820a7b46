"""The engine without a model: predictable answers, never more tokens than were reserved."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.generation import Capability, GenerationRequest, Grammar, Message
from router.strategy import EngineKind, EngineSpec
from router.units import Unit
from worker.engines.echo_engine import EchoEngine
from worker.engines.errors import PromptRefused
from worker.engines.prompt_bound import PromptBound
from worker.engines.select import make_engine
from worker.pool import load_pool

POOL = """
engines:
  none: {kind: echo, model: none, parameters: 1000, description: no model, options: {concurrency: 7}}
strategies:
  - {name: direct, engine: none, decoding: {method: direct, max_tokens: 8}}
"""


def make_echo(**options: object) -> EchoEngine:
    return EchoEngine(EngineSpec(name="none", kind=EngineKind.ECHO, model="none", description="", options=options))


def ask(content: str, *, max_tokens: int = 8, n: int = 1, grammar: Grammar | None = None) -> GenerationRequest:
    return GenerationRequest(
        messages=(Message(role="user", content=content),),
        max_tokens=max_tokens,
        n=n,
        temperature=0.0 if n == 1 else 1.0,
        grammar=grammar,
    )


def test_the_last_line_is_the_answer() -> None:
    completion = asyncio.run(make_echo(delay_seconds=0.001).generate(ask("What is it?\nIt is late\n", n=2)))
    assert completion.texts == ("It is late", "It is late")
    assert completion.finish_reasons == ("stop", "stop")
    assert (completion.prompt_tokens, completion.output_tokens) == (6, 6)


def test_an_answer_ends_at_max_tokens() -> None:
    completion = asyncio.run(make_echo().generate(ask("one two three", max_tokens=2)))
    assert (completion.texts, completion.finish_reasons) == (("one two",), ("length",))


def test_of_choices_the_first_is_taken() -> None:
    choice = Grammar(kind=Capability.CHOICE, choices=("yes", "no"))
    assert asyncio.run(make_echo().generate(ask("Well?", grammar=choice))).texts == ("yes",)


def test_a_grammar_that_it_can_not_keep_is_refused() -> None:
    number = Grammar(kind=Capability.REGEX, pattern="[0-9]")
    with pytest.raises(PromptRefused, match="engine none can not do regex"):
        asyncio.run(make_echo().generate(ask("Well?", grammar=number)))


@given(content=st.text(), max_tokens=st.integers(1, 20), n=st.integers(1, 4))
def test_no_answer_costs_more_than_its_reservation(content: str, max_tokens: int, n: int) -> None:
    request = ask(content, max_tokens=max_tokens, n=n)
    completion = asyncio.run(make_echo().generate(request))
    assert completion.prompt_tokens <= PromptBound().count([request.messages])[0]
    assert completion.output_tokens <= request.max_output_tokens


def test_a_strategy_file_can_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "strategies.yaml").write_text(POOL)
    pool = load_pool(tmp_path / "strategies.yaml", cache_directory=tmp_path)
    (priced,) = pool.strategies
    assert set(priced.tariff.prices) == priced.strategy.units == {Unit.TOKENS, Unit.FLOPS}
    engine = make_engine(priced.model.spec)
    assert (engine.concurrency, engine.identity().kind) == (7, "echo")
