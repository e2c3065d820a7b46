"""What the doctor finds: everything well, and each thing that can be ill, with what to do."""

import asyncio
import socket
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from db.session import run_in_transaction, session_scope
from db.shared_budgets import begin_period, create_shared_budget
from db.states import BudgetPeriod
from db.workers import note_worker
from gateway.cli import app
from gateway.doctor.broker import look_at_broker
from gateway.doctor.database import look_at_books, look_at_clock, look_at_database
from gateway.doctor.finding import Finding, attempt
from gateway.doctor.machine import look_at_disks
from gateway.doctor.money import look_at_overruns, look_at_periods
from gateway.doctor.pool import look_at_pool
from gateway.exit_codes import ExitCode
from tests.db.building import TENANT, build_claimed, build_job, finish, outcome, reserve, settle
from tests.gateway.findings import find, is_ill
from tests.private_redis import kill_redis
from tests.worker.engines.stub_server import Reply, StubServer, json_reply
from tests.worker.fake_night import make_settings
from worker.redis import PrivateRedis

ECHO = """
engines:
  echo: {kind: echo, model: echo, description: no model}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
"""
REMOTE = """
engines:
  big: {kind: openai, base_url: "%s", model: some/model, parameters: 7600000000, description: large}
strategies:
  - {name: direct, engine: big, decoding: {method: direct, max_tokens: 48}}
"""
MISSING = """
engines:
  small: {kind: local, model: "package:no-such-weights", description: not on this machine}
strategies:
  - {name: direct, engine: small, decoding: {method: direct, max_tokens: 48}}
"""


@pytest.fixture
def strategies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    """A strategy file, and the environment of a command on the test's own database."""
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "strategies.yaml"
    path.write_text(ECHO, encoding="utf-8")
    return path


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["doctor", *map(str, words)])


def test_everything_is_well(strategies: Path) -> None:
    result = invoke("--strategies", strategies)
    assert result.exit_code == ExitCode.DONE, result.stdout
    for words in (
        "1 strategies, 1 models found",
        "every invariant holds",
        "clock: ",
        "broker: none is named",
        "migrated",
    ):
        assert words in result.stdout


def test_missing_weights_do_not_keep_it_from_looking_further(strategies: Path) -> None:
    strategies.write_text(MISSING, encoding="utf-8")
    result = invoke("--strategies", strategies)
    assert result.exit_code == ExitCode.UNHEALTHY
    assert "no-such-weights" in result.stdout
    assert "every invariant holds" in result.stdout


def test_a_server_that_is_away_or_lacks_the_model_is_found(tmp_path: Path, strategies: Path) -> None:
    def look_at_one(base_url: str) -> list[Finding]:
        strategies.write_text(REMOTE % base_url, encoding="utf-8")
        return list(look_at_pool(make_settings(tmp_path), strategies))

    assert is_ill(look_at_one("http://127.0.0.1:9/v1"), "can not reach http://127.0.0.1:9/v1", "start the server")

    async def list_models(path: str, _body: dict[str, Any]) -> Reply:
        assert path == "/v1/models"
        return json_reply({"data": [{"id": served}]})

    async def look() -> list[Finding]:
        server = StubServer(list_models)
        await server.start()
        findings = await asyncio.to_thread(look_at_one, server.base_url)
        await server.stop()
        return findings

    served = "some/model"
    assert all(finding.well for finding in asyncio.run(look()))
    served = "another/model"
    assert is_ill(asyncio.run(look()), "has no model some/model; it serves another/model", "correct the strategy file")


def test_a_broker_is_reached_or_said_to_be_away(tmp_path: Path, redis_server: PrivateRedis) -> None:
    settings = make_settings(tmp_path, database_url="postgresql://x", broker_url=redis_server.url)
    (reached,) = look_at_broker(settings)
    assert reached.well
    kill_redis(redis_server)
    assert is_ill(list(look_at_broker(settings)), "can not be reached", "start it", "jobs are accepted")
    amqp = replace(settings, broker_url="amqp://me:secret@127.0.0.1:9/v")
    (away,) = look_at_broker(amqp)
    assert not away.well
    assert "secret" not in away.text


def test_a_database_that_is_away_is_found(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, database_url="postgresql://me:secret@127.0.0.1:9/none")
    (away,) = attempt(lambda: look_at_database(settings))
    assert not away.well
    assert "the database does not answer" in away.text
    assert "secret" not in away.text


def test_an_unmigrated_database_is_left_as_it_is(tmp_path: Path, server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE seen_by_a_doctor")
    url = make_url(server_url).set(database="seen_by_a_doctor").render_as_string(hide_password=False)
    settings = make_settings(tmp_path, database_url=url)
    for _ in range(2):
        assert is_ill(list(look_at_database(settings)), "lacks", "0001", "make migrate")


def test_a_database_of_a_newer_release_is_named(strategies: Path, db_engine: Database) -> None:
    with db_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    result = invoke()
    assert result.exit_code == ExitCode.UNHEALTHY
    assert "a newer release has migrated it. Update this installation" in result.stdout


@pytest.mark.parametrize(("seconds", "words"), [(7200.0, "behind"), (-7200.0, "ahead of")])
def test_clocks_that_differ_are_found(db_engine: Database, seconds: float, words: str) -> None:
    with session_scope(db_engine) as session:
        assert find(look_at_clock, session)[0].well
        findings = find(look_at_clock, session, now=lambda: time.time() + seconds)
    assert is_ill(findings, "7200 s", words, "NTP")


def test_books_that_do_not_add_up_are_shown(db_engine: Database) -> None:
    with Session(db_engine) as session:
        build_job(session, tasks=1)
        session.execute(text("UPDATE budget SET spent = spent + 1"))
        findings = find(look_at_books, session)
        session.rollback()
    assert is_ill(findings, "1 rows break invariants", "Keep a copy", "'spent': Decimal('1')")


def test_an_overrun_is_an_alarm_for_a_week(db_engine: Database) -> None:
    job, group = build_claimed(db_engine, tasks=1)
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0, cost=25)])
    finish(db_engine, group)
    with Session(db_engine) as session:
        assert is_ill(find(look_at_overruns, session), "budget nightly: 15 FLOPs more", f"job {job.id}", "max_tokens")
        session.execute(text("ALTER TABLE ledger_entry DISABLE TRIGGER USER"))
        session.execute(text("UPDATE ledger_entry SET created_at = created_at - interval '8 days'"))
        assert find(look_at_overruns, session)[0].well
        session.rollback()


def test_a_period_that_is_over_is_told(db_engine: Database) -> None:
    with Session(db_engine) as session:
        job = build_job(session, tasks=1)
        begun = session.execute(text("SELECT clock_timestamp() - interval '30 hours'")).scalar_one()
        budget_id = create_shared_budget(
            session,
            tenant_id=TENANT,
            name="every night",
            unit="FLOPs",
            cap=10,
            period=BudgetPeriod.NIGHTLY,
            now=begun,
        )
        assert find(look_at_periods, session) == []
        session.execute(text("UPDATE job SET budget_id = :id"), {"id": budget_id})
        (told,) = find(look_at_periods, session)
        session.rollback()
    start = begin_period(BudgetPeriod.NIGHTLY, now=begun)
    assert f"budget every night: its nightly period from {start:%Y-%m-%d}" in told.text
    assert f"job {job.id} go on in the next one" in told.text


def test_the_disk_of_a_database_elsewhere_is_not_looked_at(tmp_path: Path) -> None:
    (cache,) = look_at_disks(make_settings(tmp_path, database_url="postgresql://x"))
    assert "models and vectors" in cache.text
    own = look_at_disks(make_settings(tmp_path))
    assert [finding.text.partition(",")[0] for finding in own] == [
        "disk of the database",
        "disk of models and vectors",
    ]


def test_a_worker_of_this_machine_is_healthy_while_it_tells_of_itself(strategies: Path, db_engine: Database) -> None:
    run_in_transaction(db_engine, partial(note_worker, owner="elsewhere:1", queues=["router"], strategy_ids=[]))
    assert invoke("--worker").exit_code == ExitCode.UNHEALTHY
    own = f"{socket.gethostname()}:7"
    run_in_transaction(db_engine, partial(note_worker, owner=own, queues=["engine.big"], strategy_ids=[]))
    result = invoke("--worker")
    assert (result.exit_code, result.stdout) == (ExitCode.DONE, "at work here: engine.big\n")
    with db_engine.begin() as connection:
        connection.execute(text("UPDATE worker SET seen_at = seen_at - interval '40 seconds'"))
    assert invoke("--worker").exit_code == ExitCode.UNHEALTHY


def test_a_health_check_needs_the_shared_database(strategies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPORTION_DATABASE_URL")
    result = invoke("--worker")
    assert result.exit_code == ExitCode.USAGE
    assert "APPORTION_DATABASE_URL" in result.stderr
