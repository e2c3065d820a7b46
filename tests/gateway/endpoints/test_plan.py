"""`POST /v1/plan` and `apportion plan`: what is said before anything is spent."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, func, select
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from db.session import session_scope
from db.tables import JobRow
from gateway.api.front_door import FrontDoor
from gateway.api.planning_room import MOST_PLANS
from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.gateway.endpoints.asking import Trained, upload, write_line
from tests.waiting import wait_until


def plan(trained: Trained, file: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["plan", str(file), "--strategies", str(trained.strategy_file), *words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "job.jsonl"
    lines = [write_line(number) for number in range(5)] + [write_line(9, content="say 0")]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def count_jobs(trained: Trained) -> int:
    database = create_engine(trained.url, poolclass=NullPool)
    with session_scope(database) as session:
        return session.execute(select(func.count()).select_from(JobRow)).scalar_one()


def test_a_file_and_its_lines_are_planned_alike(client: TestClient) -> None:
    lines = [write_line(number) for number in range(5)]
    inline = client.post("/v1/plan", json={"requests": lines})
    stored = client.post("/v1/plan", json={"input_file_id": upload(client, lines)})
    assert inline.status_code == stored.status_code == 200, inline.text
    kept = [{**reply.json(), "encoding_seconds": 0, "planning_seconds": 0} for reply in (inline, stored)]
    assert kept[0] == kept[1]
    assert (kept[0]["tasks"], kept[0]["unit"], kept[0]["sampled"]) == (5, "tokens", False)
    assert [own["strategy"] for own in kept[0]["strategies"]] == ["small", "large"]
    assert kept[0]["cheapest"] <= kept[0]["enough"]
    for reach in kept[0]["frontier"] + kept[0]["suggestions"]:
        assert 0 <= reach["low"] <= reach["accuracy"] <= reach["high"] <= 1


def test_who_waits_for_a_plan_keeps_nobody_else_waiting(client: TestClient, door: FrontDoor) -> None:
    asked = {"requests": [write_line(1)]}
    count = MOST_PLANS + 40  # as many threads as there are for all endpoints, and more
    with ThreadPoolExecutor(count) as threads:
        with door.planning.enter():
            asking = [threads.submit(client.post, "/v1/plan", json=asked) for _ in range(count)]
            wait_until(lambda: sum(reply.done() for reply in asking) == 40)
            for refused in (reply.result() for reply in asking if reply.done()):
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
                assert refused.headers["retry-after"] == "2"
            assert client.get("/readyz").status_code == 200
        answered = [reply.result().status_code for reply in asking]
    assert answered.count(200) == MOST_PLANS


def test_nothing_is_stored(trained: Trained, file: Path) -> None:
    before = count_jobs(trained)
    result = plan(trained, file, "--json")
    assert result.exit_code == ExitCode.DONE, result.output
    described = json.loads(result.stdout)
    assert (described["tasks"], described["distinct_tasks"]) == (6, 5)
    assert count_jobs(trained) == before


def test_the_command_tells_suggested_budgets_and_draws(trained: Trained, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.svg"
    result = plan(trained, file, "--out", str(picture))
    assert result.exit_code == ExitCode.DONE, result.output
    assert "6 tasks, 5 of them different" in result.stdout
    assert "the least that answers every task" in result.stdout
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert plan(trained, file, "--out", "plan.txt").exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("asked", "param", "words"),
    [
        ({}, "input_file_id", "exactly one"),
        ({"requests": [write_line(1), write_line(1)]}, "custom_id", "line 2: custom_id"),
        ({"requests": [write_line(1, model="gpt-9")]}, "body.model", "line 1: body.model"),
        ({"requests": []}, "requests", "at least 1"),
        ({"input_file_id": "x", "budget": 1}, "budget", "Extra inputs"),
    ],
)
def test_what_can_not_be_planned_is_refused_by_line_and_field(
    client: TestClient, asked: dict[str, object], param: str, words: str
) -> None:
    reply = client.post("/v1/plan", json=asked)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
    assert words in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("line", "words"),
    [(b"{", "line 2: not JSON: "), (b"\xff", "line 2: "), (b'{"custom_id": "a"}', "line 2: method: ")],
)
def test_a_line_of_a_file_is_named_with_its_field_where_it_has_one(client: TestClient, line: bytes, words: str) -> None:
    content = json.dumps(write_line(1)).encode() + b"\n" + line + b"\n"
    stored = client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)}).json()["id"]
    error = client.post("/v1/plan", json={"input_file_id": stored}).json()["error"]
    assert error["message"].startswith(f"{stored}, {words}")
    assert ": :" not in error["message"]


def test_an_unknown_file_is_not_found(client: TestClient) -> None:
    reply = client.post("/v1/plan", json={"input_file_id": "file-nobody"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (404, "input_file_id")
