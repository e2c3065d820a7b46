"""Every reply has an id and, where it is not a success, OpenAI's error shape."""

import json
import logging
import re
from dataclasses import replace

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import create_engine
from starlette.testclient import TestClient

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.api.request_scope import MAX_BODY_BYTES
from worker.json_log import JsonFormatter


class Asked(BaseModel):
    """A body with a field."""

    count: int


@pytest.fixture
def app(door: FrontDoor) -> FastAPI:
    """The application with two endpoints more: one that fails, one that reads a body."""
    made = create_app(door)

    @made.get("/broken")
    def break_down() -> None:
        raise RuntimeError("nobody foresaw this")

    @made.post("/asked")
    def ask(body: Asked) -> int:
        return body.count

    return made


@pytest.fixture
def asking(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


def test_health_and_readiness(client: TestClient) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        reply = client.get(path)
        assert reply.status_code == 200
        assert reply.json() == {"status": status}
        assert re.fullmatch(r"req_[0-9a-f]{32}", reply.headers["x-request-id"])


@pytest.mark.parametrize(
    ("request_line", "body", "status", "param", "message"),
    [
        ("GET /nowhere", None, 404, None, "Not Found"),
        ("DELETE /healthz", None, 405, None, "Method Not Allowed"),
        ("GET /broken", None, 500, None, "an error of the server's own"),
        ("POST /asked", b"{", 400, None, "is not JSON: Expecting property name"),
        ("POST /asked", b"[]", 400, None, "the body: Input should be a valid dictionary"),
        ("POST /asked", b"{}", 400, "count", "count: Field required"),
        ("POST /asked", b'{"count": "many"}', 400, "count", "count: Input should be a valid integer"),
        ("POST /asked", b" " * (MAX_BODY_BYTES + 1), 413, None, "the body is longer than 4 MiB"),
    ],
)
def test_errors_have_the_shape_of_openai(
    asking: TestClient, *, request_line: str, body: bytes | None, status: int, param: str | None, message: str
) -> None:
    method, path = request_line.split()
    reply = asking.request(method, path, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == status
    error = reply.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert message in error["message"]
    assert error["param"] == param
    assert error["type"] == ("server_error" if status == 500 else "invalid_request_error")
    assert reply.headers["x-request-id"].startswith("req_")


def test_a_desk_that_is_away_is_a_503(door: FrontDoor) -> None:
    asking = TestClient(create_app(replace(door, desk_is_at_work=lambda: False)))
    assert asking.get("/readyz").status_code == 503
    assert asking.get("/healthz").status_code == 200


def test_a_database_that_is_away_is_a_503(door: FrontDoor) -> None:
    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=1")
    asking = TestClient(create_app(replace(door, database=away)))
    reply = asking.get("/readyz")
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "2"
    assert reply.json()["error"]["code"] == "unavailable"
    assert asking.get("/healthz").status_code == 200


def test_each_request_has_a_line_of_json(asking: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonFormatter())
    with caplog.at_level(logging.INFO, logger="gateway"):
        reply = asking.get("/broken")
    failure, line = (json.loads(text) for text in caplog.text.splitlines())
    request_id = reply.headers["x-request-id"]
    assert request_id in reply.json()["error"]["message"]
    assert failure["attributes"]["request"] == request_id
    assert "nobody foresaw this" in failure["attributes"]["exception.stacktrace"]
    attributes = line["attributes"]
    assert attributes.pop("http.server.request.duration") >= 0
    assert attributes == {
        "request": request_id,
        "http.request.method": "GET",
        "http.route": "/broken",
        "http.response.status_code": 500,
        "error.type": "500",
    }
    assert line["severity_text"] == "INFO"
