"""`apportion pause`, `unpause` and `cancel`, and what other commands say of jobs that were stopped."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from typer.testing import CliRunner, Result

from db.jobs import read_job, update_meta
from db.session import session_scope
from db.states import JobState
from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.worker.fake_night import budget, predict_flat, submit


@pytest.fixture
def database(db_engine: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database that the commands of this test use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    return db_engine


@pytest.fixture
def job(database: Database, tmp_path: Path) -> int:
    """A job that was submitted and that nobody works on."""
    job_id = submit(database, predictions=predict_flat(4, small=(0.2, 5.0), large=(0.9, 20.0)), objective=budget(400))
    with session_scope(database) as session:
        update_meta(session, job_id=job_id, meta={"out": str(tmp_path / "out"), "strategy_file": "gone.yaml"})
    return job_id


def invoke(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_paused_job_is_not_continued_before_it_is_unpaused(database: Database, job: int) -> None:
    assert f"job {job} is paused" in invoke("pause", job).stdout
    result = invoke("continue", job)
    assert result.exit_code == ExitCode.NOT_FOUND
    assert f"job {job} is paused: `apportion unpause {job}` lets it go on" in result.stderr
    assert "paused" in invoke("status", job).stdout
    assert f"job {job} may go on" in invoke("unpause", job).stdout
    assert "paused" not in invoke("status", job).stdout


def test_a_cancelled_job_keeps_its_report_and_is_not_continued(database: Database, job: int, tmp_path: Path) -> None:
    result = invoke("cancel", job)
    assert result.exit_code == ExitCode.DONE, result.output
    assert f"job {job} is cancelled" in result.stdout
    with session_scope(database) as session:
        assert read_job(session, job_id=job).state is JobState.CANCELLED
    result = invoke("continue", job)
    assert result.exit_code == ExitCode.NOT_FOUND
    assert f"job {job} is cancelled: `apportion report {job}` shows" in result.stderr
    assert "0 of 4 answered, 4 cancelled" in invoke("report", job).stdout
    errors = [
        json.loads(line)["error"]["code"] for line in (tmp_path / "out" / "errors.jsonl").read_text().splitlines()
    ]
    assert errors == ["cancelled"] * 4


@pytest.mark.parametrize("command", ["pause", "unpause", "cancel"])
def test_a_job_that_is_not_there_can_not_be_stopped(database: Database, command: str) -> None:
    result = invoke(command, 7)
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "there is no job 7" in result.stderr


@pytest.mark.parametrize(
    ("deadline", "message"),
    [
        ("tomorrow", "--deadline is 'tomorrow': write"),
        ("+8 h", "--deadline is '+8 h': write"),
        ("2001-01-01T00:00+00:00", "the deadline was 2001-01-01T00:00"),
    ],
)
def test_a_deadline_that_can_not_be_met(database: Database, deadline: str, message: str) -> None:
    options = ("--strategies", "none.yaml", "--out", "out", "--budget", "25%", "--deadline", deadline)
    result = invoke("run", "none.jsonl", *options)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr
