"""With API keys: a sign-in, and nothing of another tenant."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import Engine as Database
from starlette.testclient import TestClient

from db.api_keys import revoke_key
from db.breakers import note_failure
from db.budgets import read_budget
from db.jobs import read_job
from db.session import session_scope
from db.states import StrategyMode
from db.strategy_modes import append_change
from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.dashboard.app import ROUTES
from gateway.dashboard.visits import LASTS_SECONDS, Visits
from tests.gateway.api.office import batch_of
from tests.gateway.dashboard.conftest import Browser, give_key
from tests.gateway.dashboard.test_pages import read_words
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit


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


FILLED_IN = {"amount": "20 tokens", "window": "24h", "budget": ""}
# Their forms name nothing of a tenant but a budget, which is looked at as by POST /v1/batches.
OPEN_TO_ALL = {"/submit", "/sign-in", "/sign-out"}


@pytest.fixture
def ids(browser: Browser, db_engine: Database, keys: dict[str, str], answered_job: int) -> Mapping[str, object]:
    """What the first tenant has, by the names that the dashboard's addresses give it."""
    asking, headers = browser.client, {"authorization": f"Bearer {keys['default']}"}
    file = {"file": ("evening.jsonl", b"{}")}
    file_id = asking.post("/v1/files", files=file, data={"purpose": "batch"}, headers=headers).json()["id"]
    batch = asking.post("/v1/batches", json=batch_of(file_id), headers=headers).json()
    with session_scope(db_engine) as session:
        budget_id = read_job(session, job_id=answered_job).budget_id
    return {"job_id": answered_job, "budget_id": budget_id, "batch_id": batch["id"], "seq": 0}


def list_addresses(method: str, ids: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
    """Every address of the dashboard that takes the method, and whether it names something of the first tenant.

    An address that names something new fails here with its name, until `ids` has one of the first tenant's.
    """
    for table in ROUTES:
        for route in table.routes:
            assert isinstance(route, APIRoute)
            if method in route.methods:
                query = "?custom_id=task-0" if route.path.endswith("/named") else ""
                yield route.path.format_map(ids) + query, "{" in route.path


def test_another_tenant_reaches_nothing(
    browser: Browser, db_engine: Database, keys: dict[str, str], ids: Mapping[str, object], answered_job: int
) -> None:
    job, budget = f"/jobs/{ids['job_id']}", f"/budgets/{ids['budget_id']}"
    sign_in(browser, keys["other"])
    for path, named in list_addresses("GET", ids):
        page = browser.open(path, status=404 if named else 200)
        for trace in (job, budget, "evening.jsonl", "task-", str(ids["batch_id"])):
            assert trace not in page.replace(str(ids["batch_id"]), "", named)  # the page may say what is not there
    for path, named in list_addresses("POST", ids):
        assert named or path in OPEN_TO_ALL
        if named:
            browser.send(path, page="/submit", status=404, **FILLED_IN)
    with session_scope(db_engine) as session:
        assert read_budget(session, budget_id=read_job(session, job_id=answered_job).budget_id).cap == 1_000


def test_the_tenant_itself_reaches_all_of_it(browser: Browser, keys: dict[str, str], ids: Mapping[str, object]) -> None:
    sign_in(browser, keys["default"])
    for path, _ in list_addresses("GET", ids):
        browser.open(path)


def test_strategies_serve_every_tenant_and_what_happened_to_others_stays_theirs(
    browser: Browser, db_engine: Database, keys: dict[str, str], answered_job: int, tmp_path: Path
) -> None:
    with session_scope(db_engine) as session:
        strategy_id = read_job(session, job_id=answered_job).strategy_ids[0]
        pauses = {"threshold": 1, "pause_seconds": 60.0, "longest_pause_seconds": 60.0}
        note_failure(session, strategy_id=strategy_id, reason="broken by a prompt", **pauses)  # type: ignore[arg-type]  # by name
        because = {"changed_by": "Ada", "reason": "for another customer"}
        append_change(session, tenant_id="default", name="large", mode=StrategyMode.SHADOW, **because)
    told = {}
    for tenant, key in keys.items():
        sign_in(browser, key)
        told[tenant] = read_words(browser.open("/strategies")) + read_words(browser.open("/workers"))
        assert all(words in told[tenant] for words in ("small", "large", "Left alone for", "shadow since"))
    for secret in ("broken by a prompt", "Ada", "for another customer", "graded tasks"):
        assert secret in told["default"]
        assert secret not in told["other"]
    flat = predict_flat(40, small=(0.2, 5.0), large=(0.9, 20.0))
    own_job = submit(db_engine, predictions=flat, objective=budget(1_000), tenant_id="other")
    with session_scope(db_engine) as session:
        append_change(session, tenant_id="default", name="large", mode=StrategyMode.ENABLED, **because)
    assert drive(db_engine, own_job, [FakeEngine(answer_with("no", tokens=7))], make_settings(tmp_path))
    assert "40 graded tasks: 90.0% predicted, 0.0% observed" in read_words(browser.open("/strategies"))


def test_a_key_that_is_bound_to_budgets_raises_none(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    sign_in(browser, give_key(db_engine, tenant_id="default", budgets=["team"]))
    own = f"/jobs/{waiting_job}"
    assert "does not raise them" in browser.send(f"{own}/raise", page=own, status=403, amount="20 tokens")


def test_what_a_key_looks_at_counts_as_its_requests(browser: Browser, db_engine: Database) -> None:
    key = give_key(db_engine, tenant_id="default", requests_per_minute=2)
    sign_in(browser, key)  # which leads to the jobs
    browser.open("/jobs/live")
    refused = browser.client.get("/dashboard/jobs/live")
    assert (refused.status_code, "more than 2 requests a minute" in refused.text) == (429, True)
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert browser.client.get("/v1/batches", headers={"authorization": f"Bearer {key}"}).status_code == 429


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
