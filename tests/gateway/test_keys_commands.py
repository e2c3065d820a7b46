"""Keys from the command line: shown once, kept as a digest, revoked."""

import re

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select
from typer.testing import CliRunner

from db.session import session_scope
from db.tables import ApiKeyRow
from gateway.api_keys import digest_key
from gateway.cli import app
from gateway.exit_codes import ExitCode


@pytest.fixture(autouse=True)
def _surroundings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "240")


def run(*words: str, expect: ExitCode = ExitCode.DONE) -> str:
    result = CliRunner().invoke(app, ["keys", *words])
    assert result.exit_code == expect, result.output
    return result.output


def test_a_key_is_shown_once_and_kept_as_a_digest(db_engine: Database) -> None:
    key = run("create", "night", "--tenant", "acme", "--budget", "a", "--budget", "b").splitlines()[-1]
    assert re.fullmatch(r"ap-[A-Za-z0-9_-]{43}", key)
    with session_scope(db_engine) as session:
        row = session.execute(select(ApiKeyRow)).scalar_one()
        assert (row.digest, row.tenant_id, row.budgets) == (digest_key(key), "acme", ["a", "b"])
        stored = " ".join(str(getattr(row, column.key)) for column in ApiKeyRow.__table__.columns)
    assert key not in stored
    assert key not in run("list")


def test_a_key_is_revoked_once() -> None:
    run("create", "night", "--requests-per-minute", "60", "--max-file-bytes", "1000")
    found = re.search(r"key_[0-9a-f]{32}", run("list"))
    assert found is not None
    assert "is revoked" in run("revoke", found[0])
    assert "there is no key" in run("revoke", found[0], expect=ExitCode.NOT_FOUND)


def test_a_name_is_taken_once_by_each_tenant() -> None:
    run("create", "night")
    run("create", "night", "--tenant", "acme")
    assert "has a key night already" in run("create", "night", expect=ExitCode.USAGE)
    assert "is no name" in run("create", " ", expect=ExitCode.USAGE)
