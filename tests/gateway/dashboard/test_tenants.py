"""With API keys: a sign-in, and nothing of another tenant."""

import pytest
from sqlalchemy import Engine as Database
from starlette.testclient import TestClient

from db.api_keys import revoke_key
from db.budgets import read_budget
from db.jobs import read_job
from db.session import session_scope
from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.dashboard.visits import LASTS_SECONDS, Visits
from tests.gateway.dashboard.conftest import Browser, give_key


@pytest.fixture
def keys(db_engine: Database, answered_job: int) -> dict[str, str]:
    """A key of the tenant that has the job, and one of another that has nothing."""
    return {tenant: give_key(db_engine, tenant_id=tenant) for tenant in ("default", "other")}


def sign_in(browser: Browser, key: str, *, status: int = 200) -> str:
    return browser.send("/sign-in", page="/sign-in", status=status, key=key)


def test_a_key_opens_its_tenants_pages(browser: Browser, keys: dict[str, str], answered_job: int) -> None:
    assert browser.client.get("/dashboard/jobs").url.path == "/dashboard/sign-in"
    assert f"#{answered_job}" in sign_in(browser, keys["default"])
    assert "the key of default" in browser.open(f"/jobs/{answered_job}")


def test_a_wrong_key_opens_nothing(browser: Browser, keys: dict[str, str]) -> None:
    assert "This key is not known, or was revoked." in sign_in(browser, "ap-guessed", status=401)
    assert browser.client.get("/dashboard/jobs").url.path == "/dashboard/sign-in"


def test_another_tenant_reaches_nothing(
    browser: Browser, db_engine: Database, keys: dict[str, str], answered_job: int
) -> None:
    with session_scope(db_engine) as session:
        budget_id = read_job(session, job_id=answered_job).budget_id
    sign_in(browser, keys["other"])
    job, budget = f"/jobs/{answered_job}", f"/budgets/{budget_id}"
    own = (job, f"{job}/live", f"{job}/tasks", f"{job}/tasks/0", f"{job}/tasks/named?custom_id=task-0")
    for path in (*own, budget, f"{budget}/live"):
        assert "task-" not in browser.open(path, status=404).replace("task-0", "", 1)
    for path in ("/jobs", "/jobs/live", "/budgets", "/strategies", "/workers"):
        page = browser.open(path)
        assert job not in page
        assert budget not in page
        assert ">small<" not in page
    for action in ("pause", "unpause", "cancel", "raise"):
        browser.send(f"{job}/{action}", page="/submit", status=404, amount="20 tokens")
    browser.send(f"{budget}/raise", page="/submit", status=404, amount="20 tokens")
    with session_scope(db_engine) as session:
        assert read_budget(session, budget_id=budget_id).cap == 1_000


def test_a_key_that_is_bound_to_budgets_raises_none(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    sign_in(browser, give_key(db_engine, tenant_id="default", budgets=["team"]))
    own = f"/jobs/{waiting_job}"
    assert "does not raise them" in browser.send(f"{own}/raise", page=own, status=403, amount="20 tokens")


def test_signing_in_makes_a_new_visit_and_out_ends_it(browser: Browser, keys: dict[str, str]) -> None:
    browser.open("/sign-in")
    brought = browser.client.cookies["apportion_visit"]
    sign_in(browser, keys["default"])
    visit = browser.client.cookies["apportion_visit"]
    assert visit != brought
    browser.send("/sign-out", page="/jobs")
    browser.client.cookies.set("apportion_visit", visit, path="/dashboard/")
    assert browser.client.get("/dashboard/jobs").url.path == "/dashboard/sign-in"


def test_a_revoked_key_ends_its_visits(browser: Browser, db_engine: Database, keys: dict[str, str]) -> None:
    sign_in(browser, keys["default"])
    with session_scope(db_engine) as session:
        assert revoke_key(session, key_id="key_default")
    assert browser.client.get("/dashboard/jobs").url.path == "/dashboard/sign-in"


def test_a_visit_ends_after_half_a_day() -> None:
    now = 0.0
    visits = Visits(clock=lambda: now)
    visit = visits.sign_in(b"digest")
    now = LASTS_SECONDS - 1
    assert visits.digest_of(visit) == b"digest"
    now = LASTS_SECONDS + 1
    assert visits.digest_of(visit) is None


def test_over_https_the_cookie_stays_there(door: FrontDoor) -> None:
    with TestClient(create_app(door), base_url="https://localhost") as client:
        assert "; secure" in client.get("/dashboard/jobs").headers["set-cookie"].lower()
