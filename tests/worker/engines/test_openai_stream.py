"""Answers that a server tells as it writes them: the same completion, and its text in pieces."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.engines.bad_replies import ASKED, CHOICE, USAGE
from tests.worker.engines.engine_front import MODEL
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import Reply, StubServer, json_reply
from tests.worker.engines.test_openai_engine import HELLO, Script, spec_for
from worker.engines.errors import EngineError, EngineUnavailable, PromptRefused, UsageImpossible, UsageMissing
from worker.engines.openai_engine import OpenAIEngine
from worker.engines.openai_stream import StreamedReply

TOO_MANY = USAGE | {"completion_tokens": ASKED + 1}
WORDS = ["Gr\u00fc", "\u00df Gott", ", ", "\U0001f642"]


def write_events(*events: object, last: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n" for event in events) + last


def say(text: str | None, finish: str | None = None) -> object:
    return {"choices": [{"delta": {"content": text}, "finish_reason": finish}], "usage": None}


WHOLE = write_events(*map(say, WORDS), say(None, "stop"), {"choices": [], "usage": USAGE})


class Asker:
    """An engine before a scripted server."""

    def __init__(self, loop: EngineLoop, script: Script, engine: OpenAIEngine) -> None:
        self.loop, self.script, self.engine = loop, script, engine
        self.told: list[str] = []

    def stream(self, reply: Reply) -> tuple[tuple[str, ...], tuple[str, ...], int]:
        self.script.reply = reply
        completion = self.loop.run(self.engine.stream(HELLO, on_text=self.told.append))
        return completion.texts, completion.finish_reasons, completion.output_tokens


@pytest.fixture
def asker(engine_loop: EngineLoop) -> Iterator[Asker]:
    script = Script()
    server = StubServer(script)
    engine_loop.run(server.start())
    engine = OpenAIEngine(spec_for(server.base_url, timeout_seconds=2.0))
    engine_loop.run(engine.start())
    yield Asker(engine_loop, script, engine)
    engine_loop.run(engine.stop())
    engine_loop.run(server.stop())


def test_a_stream_is_the_completion_and_its_text_in_pieces(asker: Asker) -> None:
    assert asker.stream(Reply(200, WHOLE)) == (("".join(WORDS),), ("stop",), USAGE["completion_tokens"])
    assert asker.told == WORDS
    (_, body), *_ = asker.script.asked
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_a_server_that_does_not_stream_is_read_whole(asker: Asker) -> None:
    texts, _, _ = asker.stream(json_reply({"choices": [CHOICE], "usage": USAGE}))
    assert (texts, asker.told) == (("Hi",), [])


@pytest.mark.parametrize(
    ("reply", "error", "charged"),
    [
        (Reply(200, write_events(say("so"), {"error": {"message": "lost"}})), EngineUnavailable, True),
        (Reply(200, write_events(say("so"), last=b"data: {\n\n")), EngineUnavailable, True),
        (Reply(200, write_events({"choices": [{"delta": 7}]})), EngineUnavailable, True),
        (Reply(200, write_events(say("so"), say(None, "stop"))), UsageMissing, True),
        (Reply(200, write_events(say("so"), {"choices": [], "usage": TOO_MANY})), UsageImpossible, True),
        (json_reply({"error": "too long"}, 400), PromptRefused, False),
        (json_reply({}, 503), EngineUnavailable, False),
    ],
)
def test_what_breaks_off_is_charged(asker: Asker, reply: Reply, error: type[EngineError], charged: bool) -> None:
    with pytest.raises(EngineError) as raised:
        asker.stream(reply)
    assert (type(raised.value), raised.value.charged) == (error, charged)
    assert len(asker.script.asked) == 1


@given(st.lists(st.integers(1, len(WHOLE) - 1), max_size=12))
def test_pieces_may_end_anywhere(cuts: list[int]) -> None:
    told: list[str] = []
    reply, places = StreamedReply(told.append, engine="far"), [0, *sorted(cuts), len(WHOLE)]
    for begin, end in pairwise(places):
        reply.read(WHOLE[begin:end])
    assert told == WORDS
    together = reply.put_together()
    assert together is not None
    assert together["usage"] == USAGE


@pytest.mark.slow
def test_vllms_server_tells_what_it_would_have_answered(engine_loop: EngineLoop, vllm_server_url: str) -> None:
    engine = OpenAIEngine(replace(spec_for(vllm_server_url), model=MODEL))
    told: list[str] = []
    engine_loop.run(engine.start())
    try:
        whole = engine_loop.run(engine.generate(HELLO))
        streamed = engine_loop.run(engine.stream(HELLO, on_text=told.append))
    finally:
        engine_loop.run(engine.stop())
    assert streamed == msgspec.structs.replace(whole, cached_prompt_tokens=streamed.cached_prompt_tokens)
    assert len(told) > 1
    assert ("".join(told),) == whole.texts
