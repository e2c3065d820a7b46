"""What every engine promises, asked of each of them with the real small model."""

import asyncio
import json
import math
import re

import msgspec
import pytest

from router.generation import PLAIN_ROLE, Capability, Completion, GenerationRequest, Grammar, Message
from tests.waiting import wait_until
from tests.worker.engines.conftest import AtWork
from tests.worker.engines.engine_loop import EngineLoop
from worker.engines.errors import PromptRefused
from worker.engines.prompt_counter import PromptCounter
from worker.engines.protocol import Engine

PERSON = """{"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
"required": ["name", "age"], "additionalProperties": false}"""


def ask(
    question: str,
    *,
    max_tokens: int = 16,
    n: int = 1,
    temperature: float = 0.0,
    seed: int | None = None,
    stop: tuple[str, ...] = (),
    grammar: Grammar | None = None,
) -> GenerationRequest:
    return GenerationRequest(
        messages=(Message(role="user", content=question),),
        max_tokens=max_tokens,
        n=n,
        temperature=temperature,
        seed=seed,
        stop=stop,
        grammar=grammar,
    )


def _choice(*choices: str) -> Grammar:
    return Grammar(kind=Capability.CHOICE, choices=choices)


def test_greedy_answers_repeat_and_usage_is_exact(
    engine: Engine, engine_loop: EngineLoop, counter: PromptCounter
) -> None:
    request = ask("What is the capital of France?")
    first = engine_loop.run(engine.generate(request))
    assert "Paris" in first.texts[0]
    assert first.finish_reasons == ("stop",)
    assert first.prompt_tokens == counter.count([request.messages])[0]
    assert 1 < first.output_tokens <= request.max_tokens
    again = engine_loop.run(engine.generate(request))
    assert again == msgspec.structs.replace(first, cached_prompt_tokens=again.cached_prompt_tokens)
    assert 0 <= again.cached_prompt_tokens <= first.prompt_tokens


def test_what_the_cache_held_is_told_for_single_answers_alone(engine: Engine, engine_loop: EngineLoop) -> None:
    """Samples find the prompt that one of them has just computed, so what vLLM counts for them was not free."""
    question = "Here are numbers: " + ", ".join(map(str, range(40))) + ". Which is the largest?"
    first, again = (engine_loop.run(engine.generate(ask(question, max_tokens=2))) for _ in range(2))
    samples = engine_loop.run(engine.generate(ask(question, max_tokens=2, n=2, temperature=1.0, seed=3)))
    assert first.cached_prompt_tokens == samples.cached_prompt_tokens == 0
    caches = engine.identity().kind == "vllm"
    assert (0 < again.cached_prompt_tokens < again.prompt_tokens) is caches


def test_an_answer_ends_at_max_tokens(engine: Engine, engine_loop: EngineLoop) -> None:
    completion = engine_loop.run(engine.generate(ask("Tell a long story about the sea.", max_tokens=5)))
    assert (completion.finish_reasons, completion.output_tokens) == (("length",), 5)


def test_a_plain_prompt_is_continued_without_the_chat_template(
    engine: Engine, engine_loop: EngineLoop, counter: PromptCounter
) -> None:
    text = "France: Paris\n\nItaly: Rome\n\nSpain: Madrid\n\nPortugal:"
    request = GenerationRequest(messages=(Message(role=PLAIN_ROLE, content=text),), max_tokens=8, stop=("\n",))
    completion = engine_loop.run(engine.generate(request))
    assert completion.texts[0].strip() == "Lisbon"
    assert completion.prompt_tokens == len(counter.tokenizer(text, add_special_tokens=False)["input_ids"])


def test_an_answer_that_was_begun_is_gone_on_with(
    engine: Engine, engine_loop: EngineLoop, counter: PromptCounter
) -> None:
    question = ask("What is the capital of France?")
    begun = msgspec.structs.replace(
        question, messages=(*question.messages, Message(role="assistant", content="The capital city is called"))
    )
    completion = engine_loop.run(engine.generate(begun))
    assert completion.texts[0].startswith(" Paris")
    more = len(counter.tokenizer("The capital city is called", add_special_tokens=False)["input_ids"])
    assert completion.prompt_tokens == counter.count([begun.messages])[0]
    assert completion.prompt_tokens == counter.count([question.messages])[0] + more


@pytest.mark.parametrize("role", ["user", PLAIN_ROLE])
def test_an_engine_says_how_likely_each_token_was(engine: Engine, engine_loop: EngineLoop, role: str) -> None:
    messages = (Message(role=role, content="What is the capital of France?"),)
    greedy = GenerationRequest(messages=messages, max_tokens=6, likeliest=3)
    completion = engine_loop.run(engine.generate(greedy))
    [tokens] = completion.logprobs
    assert len(tokens) == completion.output_tokens
    for token in tokens:
        assert len(token.likeliest) == 3
        assert token.chosen == token.likeliest[0] < 0  # greedy: the likeliest is the one that is chosen
        assert list(token.likeliest) == sorted(token.likeliest, reverse=True)
        assert math.fsum(map(math.exp, token.likeliest)) < 1.0001
    sampled = msgspec.structs.replace(greedy, n=2, temperature=1.5, seed=3, likeliest=0)
    both = engine_loop.run(engine.generate(sampled)).logprobs
    assert [{token.likeliest for token in tokens} for tokens in both] == [{()}, {()}]
    assert any(token.chosen < -0.7 for tokens in both for token in tokens)  # less likely than any other might be
    assert engine_loop.run(engine.generate(msgspec.structs.replace(greedy, likeliest=None))).logprobs == ()


def test_an_answer_ends_before_a_stop_text(engine: Engine, engine_loop: EngineLoop) -> None:
    question = "Count from one to nine in digits, separated by commas."
    whole = engine_loop.run(engine.generate(ask(question, max_tokens=24))).texts[0]
    assert "4" in whole
    completion = engine_loop.run(engine.generate(ask(question, max_tokens=24, stop=("7", "4"))))
    assert completion.texts[0] == whole[: whole.index("4")]
    assert completion.finish_reasons == ("stop",)
    assert completion.output_tokens < 24


def test_a_choice_is_one_of_the_options(engine: Engine, engine_loop: EngineLoop) -> None:
    choices = ("very positive", "very negative", 'so "so"\n')
    for review in ("I loved every minute of it.", "A waste of money, never again."):
        request = ask(f"Review: {review} What is the sentiment?", grammar=_choice(*choices))
        assert engine_loop.run(engine.generate(request)).texts[0] in choices


def test_a_regular_expression_matches_the_whole_answer(engine: Engine, engine_loop: EngineLoop) -> None:
    pattern = r"[0-9]{1,3} [+*-] [0-9]{1,3}"
    grammar = Grammar(kind=Capability.REGEX, pattern=pattern)
    completion = engine_loop.run(engine.generate(ask("Write 12 apples plus 30 apples as a sum.", grammar=grammar)))
    assert re.fullmatch(pattern, completion.texts[0])


def test_a_json_answer_fits_its_schema(engine: Engine, engine_loop: EngineLoop) -> None:
    grammar = Grammar(kind=Capability.JSON_SCHEMA, schema=PERSON)
    request = ask("Ann is 31 years old. Give name and age as JSON.", max_tokens=40, grammar=grammar)
    answer = json.loads(engine_loop.run(engine.generate(request)).texts[0])
    assert isinstance(answer["name"], str)
    assert type(answer["age"]) is int


def test_samples_differ_repeat_with_their_seed_and_share_one_prompt(
    engine: Engine, engine_loop: EngineLoop, counter: PromptCounter
) -> None:
    request = ask("Name an animal and say why you like it.", max_tokens=12, n=4, temperature=1.0, seed=5)
    completion = engine_loop.run(engine.generate(request))
    assert len(completion.texts) == len(completion.finish_reasons) == 4
    assert len(set(completion.texts)) > 1
    assert completion.prompt_tokens == counter.count([request.messages])[0]
    assert 4 < completion.output_tokens <= request.max_output_tokens
    assert engine_loop.run(engine.generate(request)) == completion


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(ask("word " * 2000), id="too long a prompt"),
        pytest.param(ask("Hello", grammar=Grammar(kind=Capability.REGEX, pattern="[0-9")), id="regex"),
        pytest.param(ask("Hello", grammar=Grammar(kind=Capability.JSON_SCHEMA, schema='{"type": ')), id="no JSON"),
        pytest.param(ask("Hello", grammar=Grammar(kind=Capability.JSON_SCHEMA, schema='{"type": "x"}')), id="schema"),
        pytest.param(ask("Hello", grammar=Grammar(kind=Capability.CHOICE)), id="no choices"),
        pytest.param(ask("Hello", max_tokens=0), id="no tokens"),
        pytest.param(ask("Hello", max_tokens=2**40), id="huge max_tokens"),
        pytest.param(ask("Hello", temperature=-1.0), id="temperature"),
        pytest.param(ask("Hello", temperature=math.nan), id="no temperature"),
        pytest.param(ask("Hello", temperature=math.inf), id="endless temperature"),
        pytest.param(msgspec.structs.replace(ask("Hello", temperature=1.0), top_p=0.0), id="top_p"),
        pytest.param(ask("Half of a pair: \ud83d"), id="half a surrogate pair"),
        pytest.param(ask("Hello", stop=("\udc00",)), id="half a pair as stop"),
        pytest.param(
            ask("Hello", grammar=Grammar(kind=Capability.CHOICE, choices=("a", "\ud800"))), id="half a choice"
        ),
        pytest.param(msgspec.structs.replace(ask("Hello"), adapter="sums"), id="an adapter that nobody has"),
        pytest.param(ask("Hello", n=2), id="equal samples"),
    ],
)
def test_a_request_that_can_not_be_served_fails_alone(
    engine: Engine, engine_loop: EngineLoop, request_: GenerationRequest
) -> None:
    async def ask_three() -> list[Completion | BaseException]:
        good = ask("What is the capital of Italy?", max_tokens=4)
        requests = (good, request_, good)
        return await asyncio.gather(*map(engine.generate, requests), return_exceptions=True)

    before, refused, after = engine_loop.run(ask_three())
    assert isinstance(refused, PromptRefused)
    assert not refused.charged
    assert isinstance(before, Completion)
    assert isinstance(after, Completion)
    assert before == msgspec.structs.replace(after, cached_prompt_tokens=before.cached_prompt_tokens)


def test_control_characters_are_text_as_any_other(engine: Engine, engine_loop: EngineLoop) -> None:
    completion = engine_loop.run(engine.generate(ask("Hello\x00\x1b[31m\u202e\ufeff\U0010ffff", max_tokens=4)))
    assert completion.output_tokens >= 1


def test_prompt_and_answer_never_exceed_the_context(engine: Engine, engine_loop: EngineLoop) -> None:
    request = ask("Hello", max_tokens=1020)
    if engine.identity().package.startswith("http"):  # the tokenizer is the server's, which may answer in what is left
        completion = engine_loop.run(_allow_refusal(engine, request))
        assert completion is None or completion.prompt_tokens + completion.output_tokens <= 1024
    else:
        with pytest.raises(PromptRefused, match="together 1051, but the model's context holds 1024"):
            engine_loop.run(engine.generate(request))


def test_a_cancelled_request_frees_the_engine(engine: Engine, engine_loop: EngineLoop, at_work: AtWork) -> None:
    long_request = ask("Write a very long story. Do not stop.", max_tokens=900, temperature=1.0, n=8)

    async def begin() -> asyncio.Future[Completion]:
        long = asyncio.ensure_future(engine.generate(long_request))
        await engine.generate(ask("Hello", max_tokens=2))
        return long

    long = engine_loop.run(begin())
    wait_until(at_work.has_begun)
    assert not long.done()
    engine_loop.loop.call_soon_threadsafe(long.cancel)
    wait_until(at_work.is_over, seconds=10.0)  # the whole story takes minutes
    wait_until(long.cancelled)


def test_many_requests_at_once_keep_their_own_answers(engine: Engine, engine_loop: EngineLoop) -> None:
    async def ask_all() -> list[Completion]:
        words = ["apple", "river", "stone", "cloud", "tiger", "piano"]
        requests = [ask("Repeat the word.", max_tokens=8, grammar=_choice(word)) for word in words for _ in range(4)]
        return await asyncio.gather(*map(engine.generate, requests))

    texts = [completion.texts[0] for completion in engine_loop.run(ask_all())]
    assert texts == [word for word in ("apple", "river", "stone", "cloud", "tiger", "piano") for _ in range(4)]


def test_the_identity_says_who_answers(engine: Engine) -> None:
    identity = engine.identity().to_json()
    assert identity["kind"] in {"vllm", "transformers", "openai"}
    assert json.loads(json.dumps(identity)) == identity
    assert engine.identity().differences(identity) == {}
    assert engine.identity().differences(identity | {"dtype": "other"}) == {"dtype": ("other", identity["dtype"])}


async def _allow_refusal(engine: Engine, request: GenerationRequest) -> Completion | None:
    try:
        return await engine.generate(request)
    except PromptRefused:
        return None
