"""`apportion budgets`: what it says, and how it ends."""

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.worker.fake_night import budget, predict_flat, submit
from worker.shared_budgets import find_budget


@pytest.fixture
def database(db_engine: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The database that the commands of this test use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    return db_engine


def budgets(*words: object) -> Result:
    return CliRunner().invoke(app, ["budgets", *(str(word) for word in words)])


def test_budgets_are_created_listed_raised_and_lowered(database: Database) -> None:
    assert "no budgets yet" in budgets("list").stdout
    result = budgets("create", "team", "4e4 tokens", "--period", "nightly")
    assert result.exit_code == ExitCode.DONE, result.output
    assert "`apportion run ... --shared-budget team` draws on it" in result.stdout
    assert "budget team has a cap of 50,000 tokens now" in budgets("raise", "team", "1e4 tokens").stdout
    assert "budget team has a cap of 20,000 tokens now" in budgets("lower", "team", "3e4 tokens").stdout
    row = next(line for line in budgets("list").stdout.splitlines() if "team" in line)
    assert "nightly from" in row
    assert row.split()[-2:] == ["20,000", "tokens"]


def test_a_jobs_own_budget_is_raised_by_its_number(database: Database) -> None:
    job_id = submit(database, predictions=predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0)), objective=budget(80))
    result = budgets("raise", job_id, "20 tokens")
    assert result.exit_code == ExitCode.DONE, result.output
    assert "has a cap of 100 tokens now, 100 tokens of it left" in result.stdout


def test_a_job_on_a_shared_budget_shows_its_own_spending_beside_it(database: Database) -> None:
    budgets("create", "team", "500 tokens")
    team = find_budget(database, name="team")
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(database, predictions=flat, objective=budget(500), budget_id=team.id)
    shown = " ".join(CliRunner().invoke(app, ["status", str(job_id)]).stdout.split())
    assert "spent 0 tokens budget team 0 of 500 tokens (0%) by all its jobs" in shown


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("raise", "team", "-5 tokens"), ExitCode.USAGE, "'-5 tokens' is negative"),
        (("raise", "team", "25%"), ExitCode.USAGE, "'25%' depends on a job's tasks: state an amount with a unit"),
        (("raise", "team", "5"), ExitCode.USAGE, "'5' has no unit"),
        (("raise", "team", "5 USD"), ExitCode.BUDGET, "budget team is in tokens, 5.0000 USD is not"),
        (("raise", "nobody", "5 tokens"), ExitCode.NOT_FOUND, "there is no budget nobody"),
        (("raise", "7", "5 tokens"), ExitCode.NOT_FOUND, "there is no job 7"),
        (("lower", "team", "501 tokens"), ExitCode.BUDGET, "which can not be lowered by 501 tokens"),
        (("create", "team", "5 tokens"), ExitCode.BUDGET, "there is a budget team already"),
        (("create", "12", "5 tokens"), ExitCode.USAGE, "'12' can not name a budget"),
        (("create", "other", "5 tokens", "--period", "daily"), ExitCode.USAGE, "write nightly or monthly"),
    ],
)
def test_what_can_not_be_done_is_refused(
    database: Database, words: tuple[str, ...], code: ExitCode, message: str
) -> None:
    assert budgets("create", "team", "500 tokens").exit_code == ExitCode.DONE
    command, *rest = words
    result = budgets(command, "--", *rest) if "--period" not in rest else budgets(*words)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert find_budget(database, name="team").cap == 500
