"""Commands on a job that is there already: what they refuse, and what they do without starting anything."""

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from typer.testing import CliRunner

from db.session import run_in_transaction
from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.worker.fake_night import make_pool, make_tasks
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
