"""What can be done from a page, and that only its own forms can."""

import pytest
from sqlalchemy import Engine as Database

from db.budgets import Budget, read_budget
from db.jobs import Job, read_job
from db.session import session_scope
from db.states import JobState
from gateway.api.front_door import FrontDoor
from tests.gateway.dashboard.conftest import Browser


def job_of(database: Database, job_id: int) -> Job:
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def budget_of(database: Database, job_id: int) -> Budget:
    with session_scope(database) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)


def test_a_job_is_paused_and_goes_on(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    own = f"/jobs/{waiting_job}"
    page = browser.send(f"{own}/pause", page=own)
    assert job_of(db_engine, waiting_job).paused
    assert "Go on" in page
    assert '<span class="badge paused">' in page
    browser.send(f"{own}/unpause", page=own)
    assert not job_of(db_engine, waiting_job).paused


def test_a_job_is_cancelled_once(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    own = f"/jobs/{waiting_job}"
    assert "6 cancelled" in browser.send(f"{own}/cancel", page=own)
    assert job_of(db_engine, waiting_job).state is JobState.CANCELLED
    refused = browser.send(f"{own}/pause", page=own, status=409)
    assert "there is nothing to pause" in refused


@pytest.mark.parametrize("of_budget", [False, True])
def test_a_budget_is_raised(browser: Browser, db_engine: Database, waiting_job: int, *, of_budget: bool) -> None:
    before = budget_of(db_engine, waiting_job)
    own = f"/budgets/{before.id}" if of_budget else f"/jobs/{waiting_job}"
    page = browser.send(f"{own}/raise", page=own, amount="20 tokens")
    assert budget_of(db_engine, waiting_job).cap == 100
    assert "100 tokens" in page


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("", "The field amount is empty."),
        ("20", "has no unit"),
        ("-20 tokens", "is negative"),
        ("25%", "depends on a job"),
        ("5 USD", "is in tokens"),
    ],
)
def test_an_amount_that_can_not_be_raised_by_is_refused(
    browser: Browser, db_engine: Database, waiting_job: int, amount: str, message: str
) -> None:
    own = f"/jobs/{waiting_job}"
    assert message in browser.send(f"{own}/raise", page=own, status=400, amount=amount)
    assert budget_of(db_engine, waiting_job).cap == 80


def test_a_form_without_the_visits_token_does_nothing(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    path = f"/dashboard/jobs/{waiting_job}/cancel"
    browser.open(f"/jobs/{waiting_job}")
    for fields in ({}, {"form_token": "0" * 64}, {"form_token": "\N{SNOWMAN}"}):
        reply = browser.client.post(path, data=fields)
        assert reply.status_code == 403
        assert "This form is not of your visit" in reply.text
    assert job_of(db_engine, waiting_job).state is JobState.SUBMITTED


def test_a_token_is_of_one_visit(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    token = browser.read_token(f"/jobs/{waiting_job}")
    browser.client.cookies.clear()
    reply = browser.client.post(f"/dashboard/jobs/{waiting_job}/cancel", data={"form_token": token})
    assert reply.status_code == 403
    assert job_of(db_engine, waiting_job).state is JobState.SUBMITTED


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://localhost:81"}]
)
def test_a_form_of_another_site_does_nothing(
    browser: Browser, db_engine: Database, waiting_job: int, headers: dict[str, str]
) -> None:
    token = browser.read_token(f"/jobs/{waiting_job}")
    path = f"/dashboard/jobs/{waiting_job}/cancel"
    reply = browser.client.post(path, data={"form_token": token}, headers=headers)
    assert reply.status_code == 403
    assert job_of(db_engine, waiting_job).state is JobState.SUBMITTED


def test_nothing_is_done_by_looking(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    for action in ("pause", "unpause", "cancel", "raise"):
        browser.open(f"/jobs/{waiting_job}/{action}", status=405)
    assert job_of(db_engine, waiting_job).state is JobState.SUBMITTED


def test_parts_are_renewed_until_the_job_has_ended(browser: Browser, waiting_job: int, answered_job: int) -> None:
    for job_id, goes_on in ((waiting_job, True), (answered_job, False)):
        renewed = browser.client.get(f"/dashboard/jobs/{job_id}/live").json()
        page = browser.open(f"/jobs/{job_id}")
        assert renewed["goes_on"] is goes_on
        assert set(renewed["parts"]) == {"job_state", "job_tiles", "job_charts", "job_strategies", "job_tasks"}
        assert all(f'data-part="{name}"' in page for name in renewed["parts"])
    for path in ("/jobs", "/strategies", "/budgets", "/workers"):
        renewed = browser.client.get(f"/dashboard{path}/live").json()
        assert renewed["goes_on"]
        assert all(html in browser.open(path) for html in renewed["parts"].values())


def test_another_host_is_not_let_in_without_keys(browser: Browser, door: FrontDoor) -> None:
    reply = browser.client.get("/dashboard/jobs", headers={"host": "rebound.example"})
    assert reply.status_code == 403
    assert "answers its own machine alone" in reply.text
