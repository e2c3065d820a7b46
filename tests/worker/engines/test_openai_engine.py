"""The HTTP engine before servers that refuse, fail, hang, lie and vanish: the right error, the right charge."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from router.generation import Capability, GenerationRequest, Grammar, Message
from router.strategy import EngineKind, EngineSpec
from tests.waiting import wait_until
from tests.worker.engines.bad_replies import ASKED, BAD_REPLIES, CHOICE, USAGE
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import Reply, StubServer, json_reply
from worker.engines.errors import EngineError, EngineMisconfigured, EngineUnavailable, PromptRefused
from worker.engines.load import EngineLoad
from worker.engines.openai_engine import OpenAIEngine

HELLO = GenerationRequest(messages=(Message(role="user", content="Hello"),), max_tokens=ASKED)


class Script:
    """Answers each chat completion with the reply that a test put here, and remembers what was asked."""

    def __init__(self) -> None:
        self.reply = json_reply({"choices": [CHOICE], "usage": USAGE})
        self.models = json_reply({"data": [{"id": "m"}]})
        self.metrics = json_reply({}, 404)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.hangs = False

    async def __call__(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return self.models
        if path == "/metrics":
            return self.metrics
        self.asked.append((path, body))
        if self.hangs:
            await asyncio.Event().wait()
        return self.reply


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(engine_loop: EngineLoop, script: Script) -> Iterator[StubServer]:
    server = StubServer(script)
    engine_loop.run(server.start())
    yield server
    engine_loop.run(server.stop())


@pytest.fixture
def remote(engine_loop: EngineLoop, server: StubServer) -> Iterator[OpenAIEngine]:
    engine = OpenAIEngine(spec_for(server.base_url, timeout_seconds=2.0))
    engine_loop.run(engine.start())
    yield engine
    engine_loop.run(engine.stop())


@pytest.fixture
def exchange(engine_loop: EngineLoop, remote: OpenAIEngine, script: Script) -> tuple[EngineLoop, OpenAIEngine, Script]:
    return engine_loop, remote, script


def spec_for(base_url: str | None, **options: object) -> EngineSpec:
    return EngineSpec(
        name="far", kind=EngineKind.OPENAI, model="m", description="far", base_url=base_url, options=options
    )


def test_a_plain_request_sends_only_what_it_means(
    engine_loop: EngineLoop, remote: OpenAIEngine, script: Script
) -> None:
    completion = engine_loop.run(remote.generate(HELLO))
    assert (completion.texts, completion.prompt_tokens, completion.output_tokens) == (("Hi",), 9, 2)
    expected = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8, "temperature": 0.0}
    assert script.asked == [("/v1/chat/completions", expected)]


@pytest.mark.parametrize(("reply", "error", "charged"), BAD_REPLIES)
def test_a_bad_reply_becomes_one_error_with_the_right_charge(
    exchange: tuple[EngineLoop, OpenAIEngine, Script], reply: Reply, error: type[EngineError], charged: bool
) -> None:
    engine_loop, remote, script = exchange
    script.reply = reply
    with pytest.raises(EngineError) as raised:
        engine_loop.run(remote.generate(HELLO))
    assert type(raised.value) is error
    assert raised.value.charged is charged
    assert "far" in str(raised.value)
    assert len(script.asked) == 1  # nothing is sent twice behind the ledger's back


@pytest.mark.parametrize(
    ("details", "cached"),
    [
        ({"cached_tokens": 6}, 6),
        ({"cached_tokens": 0}, 0),
        ({"audio_tokens": 0}, 0),
        (None, 0),
        ("6", 0),
        ({"cached_tokens": "6"}, 0),
        ({"cached_tokens": 2.5}, 0),
        ({"cached_tokens": True}, 0),
        ({"cached_tokens": -4}, 0),
    ],
)
def test_cached_prompt_tokens_are_what_the_server_counts(
    exchange: tuple[EngineLoop, OpenAIEngine, Script], details: object, cached: int
) -> None:
    engine_loop, remote, script = exchange
    script.reply = json_reply({"choices": [CHOICE], "usage": USAGE | {"prompt_tokens_details": details}})
    completion = engine_loop.run(remote.generate(HELLO))
    assert (completion.prompt_tokens, completion.cached_prompt_tokens) == (9, cached)


COLUMNS = {"token_logprobs": [-0.1, -0.2], "top_logprobs": None}


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {"content": None},
        {"content": [{"logprob": -0.1}]},
        {"content": [{"logprob": "-0.1", "top_logprobs": []}]},
        {"content": [{"logprob": 0.1, "top_logprobs": []}]},
        {"content": [{"logprob": -0.1, "top_logprobs": [{"logprob": float("nan")}]}]},
        COLUMNS | {"token_logprobs": None},
        COLUMNS | {"top_logprobs": [{}]},
        COLUMNS | {"top_logprobs": ["abc", "de"]},
    ],
)
def test_an_answer_without_the_log_probabilities_that_were_asked_for_is_charged_and_dropped(
    engine_loop: EngineLoop, remote: OpenAIEngine, script: Script, logprobs: object
) -> None:
    script.reply = json_reply({"choices": [CHOICE | {"logprobs": logprobs}], "usage": USAGE})
    asked = msgspec.structs.replace(HELLO, likeliest=2)
    with pytest.raises(PromptRefused, match="can not do logprobs"):
        engine_loop.run(remote.generate(asked))
    able = OpenAIEngine(spec_for(remote.identity().package, capabilities=["logprobs"]))
    engine_loop.run(able.start())
    with pytest.raises(EngineUnavailable) as raised:
        engine_loop.run(able.generate(asked))
    assert raised.value.charged
    script.reply = json_reply({"choices": [CHOICE | {"logprobs": COLUMNS}], "usage": USAGE})
    told = engine_loop.run(able.generate(asked))
    assert [token.chosen for token in told.logprobs[0]] == [-0.1, -0.2]
    engine_loop.run(able.stop())


def test_retry_after_is_handed_on(engine_loop: EngineLoop, remote: OpenAIEngine, script: Script) -> None:
    script.reply = json_reply({}, 429, "Retry-After: 0")
    with pytest.raises(EngineUnavailable) as raised:
        engine_loop.run(remote.generate(HELLO))
    assert raised.value.retry_after_seconds == 0.0
    script.reply = json_reply(
        {}, 429, "Retry-After: Wed, 21 Oct 2026 07:28:07 GMT", "Date: Wed, 21 Oct 2026 07:28:00 GMT"
    )
    with pytest.raises(EngineUnavailable) as raised:
        engine_loop.run(remote.generate(HELLO))
    assert raised.value.retry_after_seconds == 7.0


def test_a_busy_server_gets_fewer_requests_at_a_time(
    engine_loop: EngineLoop, remote: OpenAIEngine, script: Script
) -> None:
    before = remote.load().places
    script.reply = json_reply({}, 503)
    with pytest.raises(EngineUnavailable):
        engine_loop.run(remote.generate(HELLO))
    assert (before, remote.load().places) == (4, 2)


def test_a_server_that_tells_its_queue_is_asked_for_it(
    engine_loop: EngineLoop, server: StubServer, script: Script
) -> None:
    script.metrics = Reply(
        200, b"vllm:num_requests_running 5\nvllm:num_requests_waiting 9\nvllm:kv_cache_usage_perc .5\n"
    )
    engine = OpenAIEngine(spec_for(server.base_url))
    assert engine.load() == EngineLoad(places=4)
    engine_loop.run(engine.start())
    wait_until(lambda: engine.load() == EngineLoad(places=2, running=5, waiting=9, kv_cache_share=0.5))
    script.metrics = json_reply({}, 404)
    wait_until(lambda: engine.load() == EngineLoad(places=2))
    engine_loop.run(engine.stop())


def test_a_server_that_hangs_is_given_up_and_charged(
    engine_loop: EngineLoop, server: StubServer, script: Script
) -> None:
    impatient = OpenAIEngine(spec_for(server.base_url, timeout_seconds=0.2))
    engine_loop.run(impatient.start())
    script.hangs = True
    with pytest.raises(EngineUnavailable) as raised:
        engine_loop.run(impatient.generate(HELLO))
    assert raised.value.charged
    engine_loop.run(impatient.stop())


def test_cancelling_closes_the_connection(
    engine_loop: EngineLoop, server: StubServer, script: Script, remote: OpenAIEngine
) -> None:
    script.hangs = True
    task = asyncio.run_coroutine_threadsafe(remote.generate(HELLO), engine_loop.loop)
    wait_until(lambda: server.open_requests == 1)
    task.cancel()
    wait_until(lambda: server.open_requests == 0)


def test_a_null_text_is_an_empty_answer(engine_loop: EngineLoop, remote: OpenAIEngine, script: Script) -> None:
    refusal = {"message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"}
    script.reply = json_reply({"choices": [refusal], "usage": USAGE})
    assert engine_loop.run(remote.generate(HELLO)).texts == ("",)


def test_a_reply_is_read_whatever_it_is_called(engine_loop: EngineLoop, remote: OpenAIEngine, script: Script) -> None:
    mumbled = {"message": {"content": "Hi\x00\ud800"}, "finish_reason": "\x00"}
    script.reply = json_reply({"choices": [mumbled], "usage": USAGE}, 200, "Content-Type: text/html; charset=x")
    completion = engine_loop.run(remote.generate(HELLO))
    assert (completion.texts, completion.finish_reasons) == (("Hi\x00\ud800",), ("unknown",))


def test_grammars_need_a_declared_capability(engine_loop: EngineLoop, remote: OpenAIEngine, script: Script) -> None:
    grammar = Grammar(kind=Capability.CHOICE, choices=("yes", "no"))
    request = GenerationRequest(messages=HELLO.messages, max_tokens=8, grammar=grammar)
    with pytest.raises(PromptRefused, match="choice"):
        engine_loop.run(remote.generate(request))
    assert script.asked == []


def test_a_schema_goes_out_in_the_form_of_openai(engine_loop: EngineLoop, server: StubServer, script: Script) -> None:
    engine = OpenAIEngine(spec_for(server.base_url, capabilities=["json_schema"]), api_key="secret")
    engine_loop.run(engine.start())
    grammar = Grammar(kind=Capability.JSON_SCHEMA, schema='{"type": "object"}')
    request = GenerationRequest(messages=HELLO.messages, max_tokens=8, grammar=grammar, n=1, seed=3, stop=("x",))
    engine_loop.run(engine.generate(request))
    engine_loop.run(engine.stop())
    body = script.asked[0][1]
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (body["seed"], body["stop"]) == (3, ["x"])
    assert "secret" not in json.dumps(engine.identity().to_json())


def test_an_adapter_is_asked_by_its_name(engine_loop: EngineLoop, server: StubServer, script: Script) -> None:
    script.models = json_reply({"data": [{"id": "m"}, {"id": "sums"}]})
    engine = OpenAIEngine(spec_for(server.base_url, adapters=["sums"]))
    engine_loop.run(engine.start())
    assert Capability.ADAPTERS in engine.capabilities
    engine_loop.run(engine.generate(msgspec.structs.replace(HELLO, adapter="sums")))
    engine_loop.run(engine.generate(HELLO))
    engine_loop.run(engine.stop())
    assert [body["model"] for _, body in script.asked] == ["sums", "m"]


def test_an_adapter_that_the_server_does_not_have_is_refused_at_the_start(
    engine_loop: EngineLoop, server: StubServer
) -> None:
    engine = OpenAIEngine(spec_for(server.base_url, adapters=["sums"]))
    with pytest.raises(EngineMisconfigured, match="has no model sums; it serves m"):
        engine_loop.run(engine.start())
    engine_loop.run(engine.stop())


@pytest.mark.parametrize(
    ("models", "complaint"),
    [
        (json_reply({"data": [{"id": "other"}]}), "serves other"),
        (json_reply({"error": "no key"}, 401), "401"),
    ],
)
def test_a_server_that_can_not_serve_is_refused_at_the_start(
    engine_loop: EngineLoop, server: StubServer, script: Script, models: Reply, complaint: str
) -> None:
    script.models = models
    engine = OpenAIEngine(spec_for(server.base_url))
    with pytest.raises(EngineMisconfigured, match=complaint):
        engine_loop.run(engine.start())
    engine_loop.run(engine.stop())


def test_a_server_without_a_list_of_models_is_taken_at_its_word(
    engine_loop: EngineLoop, server: StubServer, script: Script
) -> None:
    script.models = json_reply({}, 404)
    engine = OpenAIEngine(spec_for(server.base_url))
    engine_loop.run(engine.start())
    assert engine_loop.run(engine.generate(HELLO)).texts == ("Hi",)
    engine_loop.run(engine.stop())
