"""Attempts of several requests: what is sent, what is charged, and what each failure on the way costs."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.settlements import NewOutcome
from router.decoding import DecodingMethod, TaskPrompt
from router.decoding.protocol import Asking, FollowUp, Stage
from router.decoding.registry import METHODS
from router.generation import Capability, Completion, GenerationRequest, Message, TokenLogprobs
from router.strategy_file import parse_strategies
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice
from router.units import Unit
from tests.router.decoding_specs import ONE_OF_EACH
from tests.worker.fake_night import FakeEngine
from worker.attempt import TRIES, Assigned, execute
from worker.engines.errors import EngineDied, EngineError, EngineMisconfigured, EngineUnavailable, PromptRefused
from worker.engines.prompt_bound import PromptBound
from worker.forecast import measure_demand, price_worst
from worker.pool import PricedStrategy, ServedModel
from worker.task_line import TaskLine, parse_task_line

THINK: dict[str, object] = {"method": "reasoning_budget", "thinking_tokens": 20, "answer_tokens": 8}
CODE: dict[str, object] = {"method": "plan_then_code", "plan_tokens": 20, "code_tokens": 30}
EARLY: dict[str, object] = {**ONE_OF_EACH["self_consistency"], "stop_early": True, "step": 2}


TEXTS = st.text(max_size=400) | st.sampled_from(["🎉" * 300, "Answer:" * 60, "x" * 900])


def price(spec: Mapping[str, object], *, context_tokens: int = 4000) -> PricedStrategy:
    engine = {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "description": "d"}
    document = {"engines": {"e": engine}, "strategies": [{"name": "s", "engine": "e", "decoding": spec}]}
    strategy = parse_strategies(document, source="test").strategies[0]
    model = ServedModel(spec=strategy.engine, folder=None, counter=PromptBound(), context_tokens=context_tokens)
    return PricedStrategy(
        strategy=strategy, model=model, tariff=Tariff(version=1, prices={Unit.TOKENS: TOKEN_COUNT}, source="test")
    )


def make_line(question: str = "Give JSON with keys a, b. Options: x, y") -> TaskLine:
    body = {"model": "auto", "messages": [{"role": "user", "content": question}]}
    return parse_task_line(json.dumps({"custom_id": "a", "body": body, "grader": {"kind": "exact", "reference": "7"}}))


def assign(priced: PricedStrategy, line: TaskLine | None = None) -> Assigned:
    """A task with its true reservation."""
    line = line or make_line()
    worst = price_worst(measure_demand([line], [priced]), strategies=[priced], unit=Unit.TOKENS)
    return Assigned(seq=0, line=line, priced=priced, amount=int(worst[0, 0]), least=0, lost_workers=0)


def run(assigned: Assigned, engine: FakeEngine) -> NewOutcome:
    return asyncio.run(execute(assigned, engine=engine, unit=Unit.TOKENS))


class Script:
    """Says each text in turn at full length, or raises; prompts cost as much as they can."""

    def __init__(self, *steps: str | Exception, finish_reason: str = "length", cached_prompt_tokens: int = 0) -> None:
        self.steps, self.finish_reason, self.cached_prompt_tokens = list(steps), finish_reason, cached_prompt_tokens
        self.requests: list[GenerationRequest] = []

    def __call__(self, request: GenerationRequest) -> Completion:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        tokens = (TokenLogprobs(-0.5, (-0.5,)),)
        return Completion(
            texts=(step,) * request.n,
            finish_reasons=(self.finish_reason,) * request.n,
            prompt_tokens=PromptBound().count([request.messages])[0],
            output_tokens=request.max_output_tokens,
            logprobs=(tokens,) * request.n,
            cached_prompt_tokens=self.cached_prompt_tokens,
        )


def test_a_budget_of_thinking_is_followed_by_a_forced_answer() -> None:
    script = Script("One and six, so it is", " 7")
    outcome = run(assign(price(THINK)), FakeEngine(script))
    first, second = script.requests
    assert second.messages[:-1] == first.messages
    assert second.messages[-1] == Message(role="assistant", content="One and six, so it is\nAnswer:")
    assert second.needs == {Capability.CONTINUATION}
    assert (outcome.answer, outcome.correct, outcome.error_code) == ("7", 1.0, None)


def test_usage_texts_and_reasons_of_all_requests_are_kept() -> None:
    script = Script("It is", " 7")
    outcome = run(assign(price(THINK)), FakeEngine(script))
    prompts = [PromptBound().count([request.messages])[0] for request in script.requests]
    assert outcome.texts == ("It is", " 7")
    assert outcome.finish_reasons == ("length", "length")
    assert (outcome.prompt_tokens, outcome.output_tokens) == (sum(prompts), 28)
    assert outcome.cost == sum(prompts) + 28
    assert list(outcome.requests) == [(1, prompts[0], 20), (1, prompts[1], 8)]


def test_of_every_prompt_no_more_is_cached_than_it_has() -> None:
    script = Script("It is", " 7", cached_prompt_tokens=10**6)
    priced = price(THINK)
    cached = TokenPrice(prompt=Fraction(2), output=Fraction(1), cached_prompt=Fraction(1))
    tariff = Tariff(version=1, prices={Unit.TOKENS: cached}, source="test")
    outcome = run(assign(replace(priced, tariff=tariff)), FakeEngine(script))
    assert outcome.cached_prompt_tokens == outcome.prompt_tokens
    assert outcome.cost == outcome.prompt_tokens + 28


@pytest.mark.parametrize(
    ("text", "finish_reason"), [("So.\nAnswer: 7", "stop"), ("Answer: 7\nBecause", "length"), ("answer: 7", "stop")]
)
def test_an_answer_that_was_given_is_not_asked_for_again(text: str, finish_reason: str) -> None:
    outcome = run(assign(price(THINK)), FakeEngine(Script(text, finish_reason=finish_reason)))
    assert (outcome.answer, outcome.texts, list(outcome.requests)) == ("7", (text,), [])


@pytest.mark.parametrize("text", ["Hm. Answer: 1", "Hm. Answer: ", "Hm. "])
def test_an_answer_that_was_cut_off_is_given_anew(text: str) -> None:
    script = Script(text, "7")
    assert run(assign(price(THINK)), FakeEngine(script)).answer == "7"
    assert script.requests[1].messages[-1].content == "Hm.\nAnswer:"


def test_code_is_written_after_its_plan() -> None:
    script = Script("Idea: add.", "Here:\n```python\nprint(7)\n```\nDone.")
    outcome = run(assign(price(CODE)), FakeEngine(script))
    assert outcome.answer == "print(7)"
    assert [turn.role for turn in script.requests[1].messages] == ["user", "assistant", "user"]
    assert script.requests[1].messages[1].content == "Idea: add."


@given(
    spec=st.sampled_from([THINK, CODE, EARLY, *ONE_OF_EACH.values()]),
    texts=st.lists(TEXTS, min_size=6, max_size=6),
    question=st.text(min_size=1, max_size=50).filter(str.strip),
)
def test_no_text_makes_a_task_cost_more_than_was_reserved(
    spec: dict[str, object], texts: Sequence[str], question: str
) -> None:
    line = make_line(f"JSON keys a, b. Options: x, y. {question}")
    assigned = assign(price(spec), line)
    script = Script(*texts)
    outcome = run(assigned, FakeEngine(script))
    assert outcome.error_code is None
    assert outcome.cost <= assigned.amount
    stages = assigned.priced.strategy.decoding.stages(line.prompt)
    assert len(script.requests) <= len(stages)
    for request in script.requests:
        assert PromptBound().count([request.messages])[0] + request.max_tokens <= 4000


def test_every_method_is_charged_within_its_reservation_above() -> None:
    assert {str(spec["method"]) for spec in (THINK, CODE, EARLY, *ONE_OF_EACH.values())} == set(METHODS)


def test_carried_text_is_shortened_at_its_end_and_no_more_than_it_has_to_be() -> None:
    thought = "".join(chr(ord("a") + number % 26) for number in range(500))
    script = Script(thought, "7")
    run(assign(price(THINK)), FakeEngine(script))
    kept = script.requests[1].messages[-1].content.removesuffix("\nAnswer:")
    assert kept == thought[: 20 * 6]  # bytes for which room is kept, where the tokenizer is not here


def test_a_context_has_to_hold_every_request() -> None:
    first = PromptBound().count([price(THINK).strategy.decoding.stages(make_line().prompt)[0].request.messages])[0]
    second = first + 8 + len("\nAnswer:") + 20 * 6
    eligible = [
        measure_demand([make_line()], [price(THINK, context_tokens=second + more)]).eligible.item()
        for more in (first - second + 20, 7, 8)  # 8 tokens of answer
    ]
    assert eligible == [False, False, True]


def test_the_worst_case_is_the_sum_over_all_requests() -> None:
    demand = measure_demand([make_line()], [price(THINK), price(EARLY), price(ONE_OF_EACH["direct"])])
    first, later = demand.prompt_tokens[0], demand.later_prompt_tokens[0]
    assert later.tolist() == [first[0] + 8 + len("\nAnswer:") + 20 * 6, 2 * first[1], 0]
    assert demand.max_output_tokens[0].tolist() == [28, 5 * 64, 48]


AWAY = EngineUnavailable("busy", retry_after_seconds=0.001)


def test_a_later_request_that_cost_nothing_is_tried_again_by_itself() -> None:
    script = Script("It is", *[AWAY] * (TRIES - 1), "7")
    outcome = run(assign(price(THINK)), FakeEngine(script))
    assert (outcome.answer, len(outcome.requests), len(script.requests)) == ("7", 2, TRIES + 1)


@pytest.mark.parametrize(
    ("failures", "code"), [([AWAY] * TRIES, "engine_unavailable"), ([PromptRefused("no")], "prompt_refused")]
)
def test_what_was_answered_before_a_failure_is_charged_and_kept(failures: list[Exception], code: str) -> None:
    script = Script("It is", *failures)
    outcome = run(assign(price(THINK)), FakeEngine(script))
    used = PromptBound().count([script.requests[0].messages])[0] + 20
    assert (outcome.error_code, outcome.cost, outcome.answer, outcome.correct) == (code, used, "", None)
    assert (outcome.prompt_tokens + outcome.output_tokens, outcome.texts) == (used, ("It is",))


@pytest.mark.parametrize("failure", [EngineUnavailable("lost", charged=True), PromptRefused("no", charged=True)])
def test_a_later_request_that_may_have_cost_something_costs_all_that_was_reserved(failure: Exception) -> None:
    assigned = assign(price(THINK))
    assert run(assigned, FakeEngine(Script("It is", failure))).cost == assigned.amount


@pytest.mark.parametrize("failure", [EngineDied("gone"), EngineMisconfigured("wrong key")])
def test_an_engine_that_is_lost_between_requests_is_charged_for_the_first(failure: Exception) -> None:
    with pytest.raises(type(failure)) as lost:
        run(assign(price(THINK)), FakeEngine(Script("It is", failure)))
    assert isinstance(lost.value, EngineError)
    assert lost.value.charged  # all that was reserved, when the task goes back


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Asks for more than it says, in one way or another."""

    name: ClassVar[str] = "greedy"
    description: ClassVar[str] = "greedy: asks for more than it says"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    further: Callable[[GenerationRequest], GenerationRequest | FollowUp]

    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        return (Stage(GenerationRequest(task.messages, 5)), Stage(GenerationRequest(task.messages, 5)))

    def ask(self, task: TaskPrompt) -> Asking:
        request = GenerationRequest(task.messages, 5)
        yield request
        yield self.further(request)
        yield request
        return "7"

    def max_output_tokens(self) -> int:
        return 10


def more_text(request: GenerationRequest) -> GenerationRequest:
    return msgspec.structs.replace(request, messages=(Message(role="user", content="x" * 999),))


@pytest.mark.parametrize(
    "further",
    [
        lambda request: request,  # and then once more
        lambda request: msgspec.structs.replace(request, n=2, temperature=1.0),
        lambda request: msgspec.structs.replace(request, max_tokens=6),
        more_text,
        lambda request: FollowUp("abc", lambda _: more_text(request)),
    ],
)
def test_a_method_that_asks_for_more_than_it_said_is_stopped_before_it_costs(
    further: Callable[[GenerationRequest], GenerationRequest | FollowUp],
) -> None:
    method: DecodingMethod = Greedy(further=further)
    priced = price(ONE_OF_EACH["direct"])
    greedy = replace(priced, strategy=replace(priced.strategy, decoding=method))
    assigned, script = assign(greedy), Script("a", "b", "c")
    outcome = run(assigned, FakeEngine(script))
    assert outcome.error_code == "method_out_of_bounds"
    assert 0 < outcome.cost <= assigned.amount
    assert len(script.requests) < 3
