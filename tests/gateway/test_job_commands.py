"""Commands on a job that is there already: what they refuse, and what they do without starting anything."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from typer.testing import CliRunner

from db.jobs import read_job, update_meta
from db.session import run_in_transaction, session_scope
from gateway.cli import app
from gateway.exit_codes import ExitCode
from gateway.report.gather import gather_report
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_pool,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker.calibration import calibration_meta
from worker.pool import register_pool
from worker.submission import submit_calibration


@pytest.fixture
def database(db_engine: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database that the commands of this test use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    return db_engine


def store_calibration(database: Database) -> int:
    pool = make_pool()
    return run_in_transaction(
        database,
        lambda session: submit_calibration(
            session,
            tasks=make_tasks(2),
            pool=pool,
            strategy_ids=register_pool(session, tenant_id="default", pool=pool),
            meta=calibration_meta(tasks_sha256="ab", pool=pool),
        ),
    )


@pytest.mark.parametrize("options", [(), ("--out", "out")])
def test_a_calibration_has_no_report(database: Database, options: tuple[str, ...]) -> None:
    job_id = store_calibration(database)
    result = CliRunner().invoke(app, ["report", str(job_id), *options])
    assert result.exit_code == ExitCode.NOT_FOUND
    assert f"job {job_id} is a calibration, and only runs have a report" in result.stderr
    assert not Path("out").exists()


def answer_all(database: Database, job_id: int, folder: Path, *, meta: dict[str, str]) -> Mapping[str, object]:
    """What the job keeps about itself, once it is complete; its strategy file is gone by then."""
    assert drive(database, job_id, [FakeEngine(answer_with("yes", tokens=3))], make_settings(folder))
    with session_scope(database) as session:
        update_meta(session, job_id=job_id, meta=meta | {"strategy_file": "gone.yaml"})
        return read_job(session, job_id=job_id).meta


def test_a_completed_run_is_continued_by_writing_its_files(database: Database, tmp_path: Path) -> None:
    flat = predict_flat(4, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(database, predictions=flat, objective=budget(400))
    kept = answer_all(database, job_id, tmp_path, meta={"out": str(tmp_path / "out")})
    result = CliRunner().invoke(app, ["continue", str(job_id)])
    assert result.exit_code == ExitCode.DONE, result.output
    assert "Starting engines" not in result.stdout
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 4
    with session_scope(database) as session:
        assert read_job(session, job_id=job_id).meta == kept


def test_a_completed_calibration_needs_nothing_more(database: Database, tmp_path: Path) -> None:
    job_id = store_calibration(database)
    answer_all(database, job_id, tmp_path, meta={})
    result = CliRunner().invoke(app, ["continue", str(job_id)])
    assert result.exit_code == ExitCode.DONE, result.output
    assert f"calibration {job_id} is complete" in result.stdout


def test_a_report_tells_who_was_answered_with_another_ones_answer(database: Database, tmp_path: Path) -> None:
    asked = make_tasks(4, body=lambda number: {"messages": [{"role": "user", "content": f"question-{number // 3}"}]})
    flat = predict_flat(4, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(database, predictions=flat, objective=budget(80), tasks=asked)
    answer_all(database, job_id, tmp_path, meta={"out": str(tmp_path / "out")})
    result = CliRunner().invoke(app, ["report", str(job_id)])
    assert result.exit_code == ExitCode.DONE, result.output
    assert "4 of 4 answered (2 with an identical task's answer)" in " ".join(result.stdout.split())
    decisions = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text().splitlines()]
    assert [(line["answered_with"], line["cost"]) for line in decisions] == [
        (None, 3),
        ("task-0", 0),
        ("task-0", 0),
        (None, 3),
    ]
    with session_scope(database) as session:
        report = gather_report(session, job_id=job_id)
    assert [strategy.tasks for strategy in report.strategies] == [0, 4]
    assert [strategy.alone_cost_quanta for strategy in report.strategies] == [10, 40]  # two questions each
    assert report.plan.accuracy == pytest.approx(0.9)
