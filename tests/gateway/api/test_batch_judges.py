"""Batches whose answers a strategy reads: verdicts before the files, money of its own, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from db.budgets import read_budget
from db.jobs import read_job
from db.session import session_scope
from db.states import FINAL_STATES, JobKind, JobState
from db.tables import BatchRow, JobRow
from gateway.api.front_door import FrontDoor
from tests.gateway.api.given_keys import give_key
from tests.gateway.api.judged import ANSWERING, list_labels, serve_judge, write_judged_lines
from tests.gateway.api.office import Office, at_the_desk, batch_of, open_office
from tests.gateway.api.trained import copy_database, write_lines
from tests.gateway.judge_server import JudgeServer
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def judges() -> JudgeServer:
    """Calm: it scores every answer 5 of 10."""
    server = JudgeServer()
    server.calm = True
    return server


@pytest.fixture(scope="module")
def office(
    server_url: str, trained_template: str, tmp_path_factory: pytest.TempPathFactory, judges: JudgeServer
) -> Iterator[Office]:
    """A server that answers, and has a judge on a socket."""
    folder = tmp_path_factory.mktemp("judged")
    with (
        serve_judge(judges) as pool,
        copy_database(server_url, name="office_judged", template=trained_template) as url,
        open_office(url, folder, strategies=pool) as opened,
        at_the_desk(opened.door.settings, answering=True),
    ):
        yield opened


def list_judging_jobs(office: Office) -> list[int]:
    with session_scope(office.door.database) as session:
        return list(session.execute(select(JobRow.id).where(JobRow.kind == JobKind.JUDGING)).scalars())


def test_verdicts_are_there_when_the_batch_is_complete(office: Office, judges: JudgeServer) -> None:
    asked = {"strategy": "judge", "budget": {"amount": 100_000, "unit": "tokens"}}
    content = write_judged_lines(4, prefix="judged")
    batch = office.wait(office.submit(content, strategies=ANSWERING, judge=asked)["id"])
    assert (batch["status"], batch["request_counts"]["completed"]) == ("completed", 4)
    assert list_labels(office, batch["id"]) == [("judge", 0.5)] * 4
    assert batch["routing"]["observed_accuracy"] == 0.5
    assert sorted(judges.asked) == [f"say judged {number}" for number in range(4)]
    (judging,) = list_judging_jobs(office)
    with session_scope(office.door.database) as session:
        budget = read_budget(session, budget_id=read_job(session, job_id=judging).budget_id)
    assert (budget.cap, budget.spent) == (100_000, 4 * 110)


def test_cancelling_ends_the_judging_too(office: Office, judges: JudgeServer) -> None:
    before = set(list_judging_jobs(office))
    judges.speaks.clear()
    asked = {"strategy": "judge", "budget": "100000 tokens"}
    batch = office.submit(write_judged_lines(3, prefix="cancelled"), strategies=ANSWERING, judge=asked)
    wait_until(lambda: "say cancelled 0" in judges.asked, seconds=60)
    (judging,) = set(list_judging_jobs(office)) - before
    assert office.cancel(batch["id"])["status"] == "cancelling"
    judges.speaks.set()
    batch = office.wait(batch["id"])
    assert (batch["status"], batch["request_counts"]["completed"]) == ("cancelled", 3)
    assert state_of(office, judging) in FINAL_STATES
    assert ("judge", 0.5) in list_labels(office, batch["id"])  # what was with the judge was said, and paid for


def test_a_batch_whose_time_is_over_while_it_is_judged_is_complete_with_what_was_said(
    office: Office, judges: JudgeServer
) -> None:
    before = set(list_judging_jobs(office))
    judges.speaks.clear()
    asked = {"strategy": "judge", "budget": "100000 tokens"}
    batch = office.submit(write_judged_lines(3, prefix="late"), strategies=ANSWERING, judge=asked)
    wait_until(lambda: "say late 0" in judges.asked, seconds=60)
    (judging,) = set(list_judging_jobs(office)) - before
    with session_scope(office.door.database) as session:
        over = {"expires_at": func.clock_timestamp()}
        session.execute(update(BatchRow).where(BatchRow.id == batch["id"]).values(over))
    wait_until(lambda: state_of(office, judging) is JobState.CANCELLING)
    assert office.read(batch["id"])["status"] == "in_progress"  # what is with the judge is waited for
    judges.speaks.set()
    batch = office.wait(batch["id"])
    assert (batch["status"], batch["request_counts"]["completed"]) == ("completed", 3)
    assert len(office.lines(batch["output_file_id"])) == 3
    assert batch["routing"]["observed_accuracy"] == 0.5
    assert state_of(office, judging) in FINAL_STATES


def state_of(office: Office, job_id: int) -> JobState:
    with session_scope(office.door.database) as session:
        return read_job(session, job_id=job_id).state


def test_without_answers_that_wait_nobody_is_asked(office: Office) -> None:
    before = list_judging_jobs(office)
    asked = {"strategy": "judge", "budget": "10%"}
    batch = office.submit(write_lines(3, prefix="graded"), strategies=ANSWERING, budget="50%", judge=asked)
    assert office.wait(batch["id"])["status"] == "completed"
    assert list_judging_jobs(office) == before


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"judge": {"strategy": "nobody"}}, "judge.strategy", "there is no strategy nobody"),
        ({"judge": {"strategy": "large", "budget": "much"}}, "judge.budget", "much"),
        ({"judge": {"strategy": "large", "budget": "1 USD"}}, "judge.budget", "large can not be priced"),
        ({"judge": {"strategy": "large"}}, "judge.budget", "the batch has none"),
        ({"judge": {"strategy": "large", "cost": 1}}, "judge.cost", "Extra inputs"),
        ({"judge": "large"}, "judge", "valid dictionary or object"),
    ],
)
def test_a_judge_that_can_not_be_asked_is_refused(
    client: TestClient, fields: dict[str, Any], param: str, message: str
) -> None:
    stored = client.post("/v1/files", files={"file": ("in.jsonl", write_lines(1))}, data={"purpose": "batch"})
    reply = client.post("/v1/batches", json=batch_of(stored.json()["id"], **fields))
    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert message in error["message"]


def test_a_key_that_is_held_to_budgets_has_none_for_a_judge(client: TestClient, door: FrontDoor) -> None:
    given = give_key(door, tenant="default", budgets=["night"])
    files = {"file": ("in.jsonl", write_lines(1))}
    stored = client.post("/v1/files", files=files, data={"purpose": "batch"}, headers=given.headers)
    asked = batch_of(stored.json()["id"], judge={"strategy": "large", "budget": "5 tokens"}, budget={"name": "night"})
    reply = client.post("/v1/batches", json=asked, headers=given.headers)
    assert reply.status_code == 403
    assert "a judge has a budget of its own" in reply.json()["error"]["message"]
