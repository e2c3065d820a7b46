"""Every page: whole, well-formed, loading nothing from elsewhere, and saying what the database holds."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.breakers import note_failure
from db.jobs import read_job
from db.predictors import store_champion
from db.session import session_scope
from db.shared_budgets import create_shared_budget
from db.workers import note_worker
from gateway.dashboard.job_page import LISTED_TASKS
from router.generation import Completion, GenerationRequest
from tests.gateway.dashboard.conftest import Browser
from tests.gateway.test_report_pages import outline_of
from tests.worker.fake_night import FakeEngine, budget, drive, make_settings, make_tasks, predict_flat, submit
from worker.engines.errors import PromptRefused


def read_words(page: str) -> str:
    """The text of a page."""
    return " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL).split())


PAGES = ("/jobs", "/strategies", "/budgets", "/workers", "/submit")


@pytest.mark.parametrize("path", PAGES)
def test_pages_of_an_empty_database_nest_and_say_that_there_is_nothing(browser: Browser, path: str) -> None:
    page = browser.open(path)
    outline = outline_of(page)
    assert len(outline.ids) == len(set(outline.ids))
    assert all(reference.startswith(("/dashboard/", "#")) for reference in outline.references)
    assert "style=" not in page
    assert re.findall(r"<script(?![^>]*(src=|type=\"application/json\"))", page) == []
    if path != "/submit":
        assert re.search(r"No \w+ yet|No workers|None", read_words(page))


def test_the_server_leads_to_the_dashboard(browser: Browser) -> None:
    for path in ("/", "/dashboard", "/dashboard/"):
        reply = browser.client.get(path)
        assert reply.url.path == "/dashboard/jobs"
        assert "No jobs yet" in reply.text


def test_the_headers_let_nothing_else_in(browser: Browser) -> None:
    headers = browser.client.get("/dashboard/jobs").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_job_is_listed_with_its_progress_and_money(browser: Browser, answered_job: int, waiting_job: int) -> None:
    page = browser.open("/jobs")
    outline_of(page)
    words = read_words(page)
    assert f"#{answered_job}" in words
    assert "40 of 40" in words
    assert "100.0%" in words
    assert "280 of 1,000 tokens (28%)" in words
    assert "0 of 6" in words
    assert "1 submitted · 1 completed" in words
    assert page.count("<polyline") == 1


def test_older_jobs_are_on_a_page_of_their_own(browser: Browser, db_engine: Database) -> None:
    flat = predict_flat(1, small=(0.2, 5.0), large=(0.9, 20.0))
    ids = [submit(db_engine, predictions=flat, objective=budget(80)) for _ in range(27)]
    assert f'/dashboard/jobs/{ids[1]}"' not in browser.open("/jobs")
    older = browser.open(f"/jobs?before={ids[2]}")
    assert f'/dashboard/jobs/{ids[1]}"' in older
    assert f'/dashboard/jobs/{ids[2]}"' not in older


def test_the_page_of_a_job_shows_plan_and_outcome(browser: Browser, answered_job: int) -> None:
    page = browser.open(f"/jobs/{answered_job}")
    outline = outline_of(page)
    assert len(outline.ids) == len(set(outline.ids))
    words = read_words(page)
    for name in (
        "What a budget can buy",
        "Spend against plan",
        "Where the tasks went",
        "Predicted and observed accuracy",
    ):
        assert name in words
    assert "of 40 graded; 90.0% was predicted" in words
    assert "280 tokens spent of 1,000 tokens" in words
    assert page.count("/tasks/") >= LISTED_TASKS
    assert "data-live" not in page  # it is final


def test_a_job_that_nobody_began_says_so(browser: Browser, waiting_job: int) -> None:
    page = browser.open(f"/jobs/{waiting_job}")
    outline_of(page)
    assert "nobody works on it yet" in read_words(page)
    assert f'data-live="/dashboard/jobs/{waiting_job}/live"' in page


def test_failed_tasks_are_named(browser: Browser, db_engine: Database, tmp_path: Path) -> None:
    def refuse_one(request: GenerationRequest) -> Completion:
        if request.messages[-1].content == "task-3":
            raise PromptRefused("too long for this model")
        return Completion(texts=("yes",), finish_reasons=("stop",), prompt_tokens=5, output_tokens=7)

    job_id = submit(db_engine, predictions=predict_flat(8, small=(0.2, 5.0), large=(0.9, 20.0)), objective=budget(400))
    drive(db_engine, job_id, [FakeEngine(refuse_one)], make_settings(tmp_path))
    page = browser.open(f"/jobs/{job_id}")
    assert "too long for this model" in page
    assert f"/dashboard/jobs/{job_id}/tasks/3" in page
    assert "1 with an error" in read_words(page)
    assert "too long for this model" in browser.open(f"/jobs/{job_id}/tasks/3")


def test_a_decision_shows_every_offer_and_the_reason(browser: Browser, answered_job: int) -> None:
    page = browser.open(f"/jobs/{answered_job}/tasks/5")
    outline_of(page)
    words = read_words(page)
    assert "task-5" in words
    assert "small 20% 5.00" in words.replace("1e0 ", "")
    assert "large chosen 90% 20.00" in words
    assert "15 tokens more raise the chance of a right answer from 20% (small) to 90%" in words
    assert "✓ right" in words


def test_a_task_that_waits_has_offers_and_no_reason(browser: Browser, waiting_job: int) -> None:
    words = read_words(browser.open(f"/jobs/{waiting_job}/tasks/0"))
    assert "Not answered yet" in words
    assert "90%" in words
    assert "chosen" not in words


def test_tasks_are_paged_and_found_by_name_or_number(browser: Browser, answered_job: int) -> None:
    listed = browser.open(f"/jobs/{answered_job}/tasks?first=30")
    outline_of(listed)
    assert ">task-30</a>" in listed
    assert ">task-29</a>" not in listed
    for asked in ("task-7", "7"):
        reply = browser.client.get(f"/dashboard/jobs/{answered_job}/tasks/named", params={"custom_id": asked})
        assert reply.url.path == f"/dashboard/jobs/{answered_job}/tasks/7"
    browser.open(f"/jobs/{answered_job}/tasks/named?custom_id=task-40", status=404)


def test_strategies_have_their_calibration(browser: Browser, answered_job: int) -> None:
    page = browser.open("/strategies")
    outline_of(page)
    words = read_words(page)
    assert "40 graded tasks: 90.0% predicted, 100.0% observed, +10.0 points" in words
    assert "Cost, settled / predicted 0.35" in words  # 7 tokens each, 20 were predicted
    assert "No graded answer in your latest runs." in words


def test_predictors_say_when_they_served(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    with session_scope(db_engine) as session:
        strategy_id = read_job(session, job_id=waiting_job).strategy_ids[0]
        for outcomes in (70, 90):
            meta = {"figures": {"outcomes": outcomes, "held_out_calibration_error": 0.02}}
            store_champion(session, strategy_id=strategy_id, encoder="one", artefact=b"weights", meta=meta)
    words, at = read_words(browser.open("/strategies")), r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.search(rf"2 made {at} champion 90 2.0% {at} until now", words), words
    assert re.search(rf"1 made {at} retired 70 2.0% {at} until {at}", words), words


def test_a_budget_has_its_ledger(browser: Browser, db_engine: Database, answered_job: int) -> None:
    with session_scope(db_engine) as session:
        create_shared_budget(session, tenant_id="default", name="team", unit="tokens", cap=500, period=None)
        own = read_job(session, job_id=answered_job).budget_id
    listed = read_words(browser.open("/budgets"))
    assert "team" in listed
    words = read_words(browser.open(f"/budgets/{own}"))
    assert "280 tokens" in words
    for kind in ("raise", "reserve", "settle", "release"):
        assert kind in words
    entries = browser.open(f"/budgets/{own}?before=2")
    assert entries.count("<tr>") == 2  # its head, and the raise that opened it


def test_workers_and_strategies_left_alone_are_told(browser: Browser, db_engine: Database, waiting_job: int) -> None:
    with session_scope(db_engine) as session:
        strategy_id = read_job(session, job_id=waiting_job).strategy_ids[0]
        note_worker(session, owner="host-1:77", queues=["engine.fake"], strategy_ids=[strategy_id])
        note_failure(
            session,
            strategy_id=strategy_id,
            reason="the server is away",
            threshold=1,
            pause_seconds=60.0,
            longest_pause_seconds=60.0,
        )
    words = read_words(browser.open("/workers"))
    assert "host-1:77 at work engine.fake small" in words
    assert "the server is away" in words
    assert "Left alone for" in read_words(browser.open("/strategies"))


@pytest.mark.parametrize(
    "path", ["/jobs/999", "/jobs/999/tasks", "/jobs/no-number", "/budgets/999", "/batches/x", "/nowhere"]
)
def test_what_is_not_there_has_a_page_that_says_so(browser: Browser, path: str) -> None:
    page = browser.open(path, status=404)
    outline_of(page)
    assert "This can not be shown" in page


def test_names_and_prompts_can_not_break_out(browser: Browser, db_engine: Database) -> None:
    evil = "</script><script>alert(1)</script>"
    tasks = make_tasks(2, body=lambda _: {"messages": [{"role": "user", "content": evil}]})
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(db_engine, predictions=flat, objective=budget(80), tasks=tasks)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}/tasks", f"/jobs/{job_id}/tasks/0"):
        page = browser.open(path)
        assert "<script>alert" not in page
        outline_of(page)
