"""A job file with a budget, from the form to the job's page."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from db.session import session_scope
from db.shared_budgets import create_shared_budget
from gateway.api.front_door import FrontDoor
from tests.gateway.api.office import Office
from tests.gateway.dashboard.conftest import Browser, give_key
from tests.waiting import wait_until
from tests.worker.fake_night import make_tasks

LINES = "".join(f"{task.payload}\n" for task in make_tasks(5)).encode()


class Led(NamedTuple):
    """What the form leads to."""

    status: int
    path: str
    page: str


def send_form(browser: Browser, *, content: bytes = LINES, fields: Mapping[str, str] | None = None) -> Led:
    written = {
        "form_token": browser.read_token("/submit"),
        "budget": "",
        "amount": "50%",
        "window": "24h",
        **(fields or {}),
    }
    files = {"file": ("evening.jsonl", content)}
    reply = browser.client.post("/dashboard/submit", data=written, files=files)
    return Led(reply.status_code, reply.url.path, reply.text)


def test_a_submitted_file_becomes_a_job(office: Office) -> None:
    browser = Browser(office.client)
    status, path, page = send_form(browser)
    assert (status, path.split("/")[2]) == (200, "batches")
    assert "evening.jsonl" in page
    wait_until(lambda: office.client.get(path).url.path.startswith("/dashboard/jobs/"), seconds=60)
    led = office.client.get(f"{path}/live")  # what the page asks for leads on as well
    assert led.url.path.startswith("/dashboard/jobs/")
    assert "evening.jsonl" in browser.open("/jobs")
    wait_until(lambda: "5 of 5" in office.client.get(led.url.path).text, seconds=60)


def test_a_file_that_is_not_taken_is_explained(office: Office) -> None:
    browser = Browser(office.client)
    _, path, _ = send_form(browser, content=LINES + b"{not json\n")
    wait_until(lambda: "Not taken" in office.client.get(path).text, seconds=60)
    assert "line 6: not JSON" in office.client.get(path).text
    assert not office.client.get(f"{path}/live").json()["goes_on"]
    assert "not taken" in browser.open("/jobs")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"amount": ""}, "The field amount is empty."),
        ({"amount": "12 bananas"}, "bananas"),
        ({"window": "tomorrow"}, "is no time to end by"),
        ({"budget": "shared:nobody"}, "nobody"),
    ],
)
def test_what_is_wrong_with_the_form_is_said_beside_it(
    browser: Browser, door: FrontDoor, fields: dict[str, str], message: str
) -> None:
    status, path, page = send_form(browser, fields=fields)
    assert 400 <= status < 500
    assert path == "/dashboard/submit"
    assert message in page
    assert 'role="alert"' in page
    assert browser.client.get("/v1/files").json()["data"] == []
    assert browser.client.get("/v1/batches").json()["data"] == []


def test_a_form_without_a_file_is_refused(browser: Browser) -> None:
    page = browser.send("/submit", page="/submit", status=400, amount="25%", window="24h")
    assert "No file was chosen." in page


def test_a_file_that_is_too_large_is_refused(browser: Browser) -> None:
    status, _, page = send_form(browser, content=b"x" * (4 * 2**20 + 1))
    assert status == 413
    assert "longer than 4 MiB" in page


def test_a_key_brings_no_larger_file_here_than_to_the_api(browser: Browser, door: FrontDoor) -> None:
    key = give_key(door.database, tenant_id="default", max_file_bytes=len(LINES) - 1)
    browser.send("/sign-in", page="/sign-in", key=key)
    status, path, page = send_form(browser)
    assert (status, path) == (413, "/dashboard/submit")
    assert f"The file is larger than {len(LINES) - 1:,} bytes" in page
    assert browser.client.get("/v1/files", headers={"authorization": f"Bearer {key}"}).json()["data"] == []
    status, path, _ = send_form(browser, content=LINES.splitlines(keepends=True)[0])
    assert (status, path.split("/")[2]) == (200, "batches")


def test_a_key_bound_to_a_budget_offers_that_alone(browser: Browser, door: FrontDoor) -> None:
    with session_scope(door.database) as session:
        for name in ("team", "others"):
            create_shared_budget(session, tenant_id="default", name=name, unit="tokens", cap=5_000, period=None)
    key = give_key(door.database, tenant_id="default", budgets=["team"])
    browser.send("/sign-in", page="/sign-in", key=key)
    form = browser.open("/submit")
    assert "team, shared" in form
    assert "others" not in form
    assert 'name="amount"' not in form
    status, path, _ = send_form(browser, fields={"budget": "shared:team"})
    assert (status, path.split("/")[2]) == (200, "batches")
