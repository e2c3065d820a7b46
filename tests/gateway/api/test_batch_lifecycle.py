"""Batches whose engines never come: what is refused, what expires, what is asked twice, what a restart picks up."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from starlette.testclient import TestClient
from typer.testing import CliRunner

from db.session import session_scope
from db.tables import BatchRow, JobRow
from gateway.bootstrap import build_file_store
from gateway.cli import app
from gateway.desk.desk import Desk
from tests.gateway.api.office import Office, at_the_desk, batch_of, open_office
from tests.gateway.api.trained import copy_database, write_lines
from worker.bootstrap import open_workshop


def set_batch(office: Office, batch_id: str, **values: object) -> None:
    with session_scope(office.door.database) as session:
        session.execute(update(BatchRow).where(BatchRow.id == batch_id).values(**values))


def count_jobs(office: Office) -> int:
    with session_scope(office.door.database) as session:
        return session.execute(select(func.count()).select_from(JobRow)).scalar_one()


CALIBRATIONS = 1  # jobs of the template


def in_progress(batch: Mapping[str, Any]) -> bool:
    return bool(batch["status"] == "in_progress")


def test_what_is_not_begun_in_time_expires_with_a_line_for_each(quiet_office: Office) -> None:
    batch = quiet_office.submit(write_lines(5), completion_window="90m")
    assert batch["expires_at"] - batch["created_at"] == 5400
    quiet_office.wait(batch["id"], until=in_progress)
    set_batch(quiet_office, batch["id"], expires_at=func.clock_timestamp())
    batch = quiet_office.wait(batch["id"])
    assert batch["status"] == "expired"
    assert batch["finalizing_at"] <= batch["expired_at"]
    assert (batch["output_file_id"], batch["request_counts"]["failed"]) == (None, 5)
    codes = {line["error"]["code"] for line in quiet_office.lines(batch["error_file_id"]).values()}
    assert codes == {"batch_expired"}


def test_a_batch_is_cancelled_before_anybody_answers(quiet_office: Office) -> None:
    batch = quiet_office.submit(write_lines(5))
    quiet_office.wait(batch["id"], until=in_progress)
    assert quiet_office.cancel(batch["id"])["cancelling_at"] is not None
    batch = quiet_office.wait(batch["id"])
    assert (batch["status"], batch["output_file_id"]) == ("cancelled", None)
    assert len(quiet_office.lines(batch["error_file_id"])) == 5


def test_a_batch_is_paused_while_it_is_in_progress(quiet_office: Office, client: TestClient) -> None:
    batch = quiet_office.wait(quiet_office.submit(write_lines(5))["id"], until=in_progress)
    for how, paused in (("pause", True), ("pause", True), ("unpause", False)):
        reply = quiet_office.client.post(f"/v1/batches/{batch['id']}/{how}")
        assert (reply.status_code, reply.json()["paused"]) == (200, paused)
        assert quiet_office.read(batch["id"])["paused"] is paused
    quiet_office.cancel(batch["id"])
    quiet_office.wait(batch["id"])
    file = {"file": ("in.jsonl", write_lines(1))}
    file_id = client.post("/v1/files", files=file, data={"purpose": "batch"}).json()["id"]
    unplanned = client.post("/v1/batches", json=batch_of(file_id)).json()["id"]  # nobody is at the desk
    for asked, own in ((client, unplanned), (quiet_office.client, batch["id"])):
        refused = asked.post(f"/v1/batches/{own}/pause")
        assert (refused.status_code, "while in progress" in refused.text) == (400, True)


def test_files_that_a_batch_wrote_expire_when_that_was_asked(quiet_office: Office) -> None:
    batch = quiet_office.submit(write_lines(2), output_expires_after={"anchor": "created_at", "seconds": 3600})
    quiet_office.wait(batch["id"], until=in_progress)
    quiet_office.cancel(batch["id"])
    written = quiet_office.client.get(f"/v1/files/{quiet_office.wait(batch['id'])['error_file_id']}").json()
    assert written["expires_at"] - written["created_at"] == 3600


LINE = json.loads(write_lines(1))


def line(**changes: object) -> bytes:
    return json.dumps({**LINE, **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (write_lines(73_411) + b"{not JSON\n", [("invalid_json_line", 73_412, None)]),
        (line() + line(custom_id="b") + line(), [("duplicate_custom_id", 3, "custom_id")]),
        (line() + line(custom_id="b", url="/v1/completions"), [("invalid_request", 2, "body.prompt")]),
        (line(url="/v1/embeddings"), [("invalid_request", 1, "url")]),
        (line(body={"model": "gpt-4o", "messages": LINE["body"]["messages"]}), [("invalid_request", 1, "body.model")]),
        (line(body={"model": "auto"}), [("invalid_request", 1, "body.messages")]),
        (line(method="GET", custom_id=7), [("invalid_request", 1, "custom_id"), ("invalid_request", 1, "method")]),
        (b"", [("empty_file", None, None)]),
        (b"\n\n", [("empty_file", None, None)]),
        (b"PK\x03\x04\x00\x00" * 40, [("invalid_line", 1, None)]),
        (b"\x1f\x8b\x08\xff" * 40, [("invalid_line", 1, None)]),
        (line()[:-2] + b" " * (16 * 2**20) + b"}\n", [("invalid_line", 1, None)]),
        (b"[" * 100_000, [("invalid_json_line", 1, None)]),
    ],
)
def test_a_bad_file_fails_by_line_and_field_with_nothing_stored(
    quiet_office: Office, content: bytes, problems: list[tuple[str, int | None, str | None]]
) -> None:
    before = count_jobs(quiet_office)
    batch = quiet_office.wait(quiet_office.submit(content)["id"])
    assert (batch["status"], batch["errors"]["object"]) == ("failed", "list")
    told = [(error["code"], error["line"], error["param"]) for error in batch["errors"]["data"]]
    assert told[: len(problems)] == problems
    assert count_jobs(quiet_office) == before


def test_only_the_first_problems_are_listed_and_the_others_counted(quiet_office: Office) -> None:
    batch = quiet_office.wait(quiet_office.submit(b"{}\n" * 3000)["id"])
    assert len(batch["errors"]["data"]) == 21
    assert "more problems" in batch["errors"]["data"][-1]["message"]


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"metadata": {"a" * 65: "b"}}, 400, None),
        ({"metadata": {str(number): "" for number in range(17)}}, 400, "metadata"),
        ({"endpoint": "/v1/embeddings"}, 400, "endpoint"),
        ({"completion_window": "24"}, 400, "completion_window"),
        ({"completion_window": "0h"}, 400, "completion_window"),
        ({"budgt": "5 tokens"}, 400, "budgt"),
        ({"budget": "5 bananas"}, 400, "budget"),
        ({"budget": {"amount": "much", "unit": "tokens"}}, 400, "budget"),
        ({"budget": {"amount": 5, "unit": "USD"}}, 400, "budget"),
        ({"budget": {"name": "nobody"}}, 400, "budget"),
        ({"budget": "5%", "objective": {"weight": 0.5}}, 400, None),
        ({"objective": {"weight": 2}}, 400, None),
        ({"strategies": ["gpt-5"]}, 400, "strategies"),
        ({"strategies": []}, 400, "strategies"),
        ({"priority": 101}, 400, "priority"),
        ({"deadline": "2001-01-01T00:00:00Z"}, 400, "deadline"),
        ({"deadline": "tomorrow"}, 400, "deadline"),
        ({"deferral": "all"}, 400, "deferral"),
        ({"input_file_id": "file-of-nobody"}, 404, "input_file_id"),
        ({"input_file_id": "../../../etc/passwd"}, 404, "input_file_id"),
        ({"input_file_id": "a\x00b"}, 400, "input_file_id"),
        ({"metadata": {"a": "\x00"}}, 400, "metadata.a"),
        ({"metadata": {"a": "\ud800"}}, 400, "metadata.a"),
    ],
)
def test_a_bad_request_is_refused_at_once(
    quiet_office: Office, fields: dict[str, object], status: int, param: str | None
) -> None:
    body = batch_of(quiet_office.upload(b"{}")) | fields
    headers = {"content-type": "application/json"}
    reply = quiet_office.client.post("/v1/batches", content=json.dumps(body), headers=headers)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert param is None or error["param"].startswith(param), error
    assert error["type"] == "invalid_request_error"


def test_a_budget_with_nothing_left_is_a_402(quiet_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    url = quiet_office.door.settings.database_url
    assert url is not None
    monkeypatch.setenv("APPORTION_DATABASE_URL", url)
    assert CliRunner().invoke(app, ["budgets", "create", "empty", "0 tokens"]).exit_code == 0
    body = batch_of(quiet_office.upload(b"{}"), budget={"name": "empty"})
    reply = quiet_office.client.post("/v1/batches", json=body)
    assert reply.status_code == 402
    assert reply.json()["error"].items() >= {"code": "budget_too_small", "type": "insufficient_budget"}.items()
    assert "budget empty has nothing left" in reply.json()["error"]["message"]


def test_the_same_request_twice_is_one_batch_when_the_client_says_so(quiet_office: Office) -> None:
    asked, client = batch_of(quiet_office.upload(write_lines(1))), quiet_office.client

    def ask(body: Mapping[str, object] = asked, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/v1/batches", json=body, headers=named).json()

    first = ask(idempotency_key="k1")
    assert ask(idempotency_key="k1")["id"] == first["id"]
    other = ask({**asked, "completion_window": "1h"}, idempotency_key="k1")
    assert other["error"]["code"] == "idempotency_key_reused"
    second = ask()
    assert second["id"] != first["id"]
    assert ask(x_stainless_retry_count="1")["id"] == second["id"]
    assert ask(x_stainless_retry_count="0")["id"] not in (first["id"], second["id"])


def test_a_file_is_kept_for_the_batch_that_is_to_read_it_and_a_later_desk_does(
    server_url: str, trained_template: str, tmp_path: Path
) -> None:
    with (
        copy_database(server_url, name="office_restart", template=trained_template) as url,
        open_office(url, tmp_path) as office,
    ):
        batch = office.submit(write_lines(3))  # nobody is at the desk
        refused = office.client.delete(f"/v1/files/{batch['input_file_id']}")
        assert refused.json()["error"]["message"].startswith(f"file {batch['input_file_id']} is being read by a batch")
        gone, cancelled = office.submit(write_lines(3)), office.submit(write_lines(3))
        office.door.files.remove(gone["input_file_id"])
        assert office.cancel(cancelled["id"])["status"] == "cancelling"
        with at_the_desk(office.door.settings, answering=False):
            office.wait(batch["id"], until=in_progress)
            (error,) = office.wait(gone["id"])["errors"]["data"]
            assert error["code"] == "file_gone"
            check_unplanned(office, cancelled["id"], status="cancelled", requests=3)
        assert count_jobs(office) == 1 + CALIBRATIONS
        assert office.client.delete(f"/v1/files/{batch['input_file_id']}").status_code == 200


def check_unplanned(office: Office, batch_id: str, *, status: str, requests: int) -> None:
    """It ends so, and its error file says that of every request."""
    batch = office.wait(batch_id)
    assert (batch["status"], batch["output_file_id"], batch["spent"], batch["routing"]) == (status, None, None, None)
    assert batch["request_counts"] == {"total": requests, "completed": 0, "failed": requests}
    lines = office.lines(batch["error_file_id"])
    assert len(lines) == requests
    assert {line["error"]["code"] for line in lines.values()} == {f"batch_{status}"}


def follow(office: Office) -> None:
    """Look at every batch once, with nobody planning."""
    settings = office.door.settings
    assert settings.strategies is not None
    with open_workshop(settings, strategy_file=settings.strategies, watch=lambda _: None) as workshop:
        Desk(workshop, build_file_store(settings)).follow_all()


def test_a_batch_that_ends_before_it_is_planned_keeps_an_error_file(
    server_url: str, trained_template: str, tmp_path: Path
) -> None:
    with (
        copy_database(server_url, name="office_late", template=trained_template) as url,
        open_office(url, tmp_path) as office,
    ):
        expired, cancelled, gone = (office.submit(write_lines(3)) for _ in range(3))
        broken = office.submit(write_lines(2) + b"{not JSON\n{}\n")
        for late in (expired, broken, gone):
            set_batch(office, late["id"], expires_at=func.clock_timestamp())
        office.cancel(cancelled["id"])
        office.door.files.remove(gone["input_file_id"])
        follow(office)  # whoever plans may be at another batch
        check_unplanned(office, expired["id"], status="expired", requests=3)
        check_unplanned(office, cancelled["id"], status="cancelled", requests=3)
        check_unplanned(office, broken["id"], status="expired", requests=2)
        last = office.read(gone["id"])
        assert (last["status"], last["error_file_id"], last["request_counts"]["total"]) == ("expired", None, 0)


def test_a_batch_that_can_not_be_planned_is_given_up_after_three_tries(
    server_url: str, trained_template: str, tmp_path: Path
) -> None:
    with (
        copy_database(server_url, name="office_broken", template=trained_template) as url,
        open_office(url, tmp_path) as office,
    ):
        broken, other = office.submit(write_lines(3)), office.submit(write_lines(3))
        set_batch(office, broken["id"], asked={"budget": "no such thing"})
        with at_the_desk(office.door.settings, answering=False):
            office.wait(other["id"], until=in_progress)
            (error,) = office.wait(broken["id"])["errors"]["data"]
        assert (error["code"], broken["id"] in error["message"]) == ("server_error", True)
