"""What the log tells of `POST /v1/chat/completions`."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.gateway.endpoints.test_chat import ask, open_team
from worker.json_log import JsonFormatter


def read_attributes(log: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Of the request's line."""
    (line,) = (json.loads(text) for text in log.text.splitlines() if '"http.route"' in text)
    attributes: dict[str, Any] = line["attributes"]
    return attributes


@pytest.mark.parametrize("stream", [False, True])
def test_the_log_tells_of_a_request_in_the_names_of_opentelemetry(
    client: TestClient, caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    open_team(client)
    caplog.handler.setFormatter(JsonFormatter())
    with caplog.at_level(logging.INFO, logger="gateway.api"):
        client.post("/v1/chat/completions", json=ask(model="small", budget={"name": "team"}, stream=stream))
    told = read_attributes(caplog)
    assert told["gen_ai.response.id"].startswith("chatcmpl-")
    assert told["job"] > 0
    assert told.keys() & {"error.type"} == set()
    assert (
        told.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "echo",
            "gen_ai.request.model": "small",
            "gen_ai.response.model": "echo",
            "gen_ai.usage.input_tokens": 2,
            "gen_ai.usage.output_tokens": 2,
            "strategy": "small",
        }.items()
    )
    assert told["gen_ai.response.finish_reasons"] == ["stop"]


def test_the_log_tells_why_a_request_was_refused(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonFormatter())
    with caplog.at_level(logging.INFO, logger="gateway.api"):
        client.post("/v1/chat/completions", json=ask(budget={"name": "nobody"}))
    told = read_attributes(caplog)
    assert (told["gen_ai.request.model"], told["error.type"]) == ("auto", "NoSuchBudget")
    assert "gen_ai.usage.input_tokens" not in told
