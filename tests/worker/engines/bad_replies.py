"""What servers send instead of an answer, with the error that it has to become, and whether that is charged."""

from tests.worker.engines.stub_server import HALF_CLOSED, Reply, json_reply
from worker.engines.errors import (
    EngineError,
    EngineMisconfigured,
    EngineUnavailable,
    PromptRefused,
    UsageImpossible,
    UsageMissing,
)

CHOICE = {"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}

ASKED = 8  # tokens at most, of a prompt that says "Hello"
LONG = CHOICE | {"message": {"role": "assistant", "content": "Hi" * 10_000}}

BAD_REPLIES: list[tuple[Reply, type[EngineError], bool]] = [
    (json_reply({"error": {"message": "too long"}}, 400), PromptRefused, False),
    (json_reply({"detail": "bad schema"}, 422), PromptRefused, False),
    (json_reply({"error": "no such model"}, 404), EngineMisconfigured, False),
    (json_reply({"error": "no key"}, 401), EngineMisconfigured, False),
    (json_reply({}, 302, "Location: /elsewhere"), EngineMisconfigured, False),
    (json_reply({}, 429), EngineUnavailable, False),
    (json_reply({}, 503), EngineUnavailable, False),
    (json_reply({"error": "boom"}, 500), EngineUnavailable, True),
    (json_reply({}, 504), EngineUnavailable, True),
    (Reply(0, b""), EngineUnavailable, True),
    (Reply(HALF_CLOSED, b""), EngineUnavailable, True),
    (Reply(200, b" " * (3 << 20)), EngineUnavailable, True),
    (Reply(200, b"[" * 200_000), EngineUnavailable, True),
    (Reply(200, b"data: {}\n\ndata: [DONE]\n\n", ("Content-Type: text/event-stream",)), EngineUnavailable, True),
    (Reply(200, b"<html>maintenance</html>"), EngineUnavailable, True),
    (Reply(200, b'{"choices": [{"mess\xff'), EngineUnavailable, True),
    (json_reply(["not", "an", "object"]), EngineUnavailable, True),
    (json_reply({"error": {"message": "prompt too long", "code": 400}}), PromptRefused, False),
    (json_reply({"object": "error", "message": "overloaded", "code": 503}), EngineUnavailable, False),
    (json_reply({"error": "something"}), EngineUnavailable, True),
    (json_reply({"choices": [], "usage": USAGE}), EngineUnavailable, True),
    (json_reply({"choices": [CHOICE, CHOICE], "usage": USAGE}), EngineUnavailable, True),
    (json_reply({"choices": [{"finish_reason": "stop"}], "usage": USAGE}), EngineUnavailable, True),
    (json_reply({"choices": [CHOICE]}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": None}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": {"prompt_tokens": 9}}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": 2.5}}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": "2"}}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": -2}}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": True}}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": 2**31}}), UsageMissing, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": 0}}), UsageImpossible, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"completion_tokens": ASKED + 1}}), UsageImpossible, True),
    (json_reply({"choices": [LONG], "usage": USAGE | {"completion_tokens": 1}}), UsageImpossible, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"prompt_tokens": 64 + 8 + 5 + 1}}), UsageImpossible, True),
    (json_reply({"choices": [CHOICE], "usage": USAGE | {"prompt_tokens": 0}}), UsageMissing, True),
    (json_reply({"choices": "Hi", "usage": USAGE}), EngineUnavailable, True),
]
