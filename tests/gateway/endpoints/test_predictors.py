"""`apportion predictors`, and `--json` of commands that list."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from db.predictors import read_champions, store_champion
from db.session import session_scope
from db.strategies import read_latest_strategies
from db.tables import PredictorVersionRow
from gateway.api.front_door import FrontDoor
from gateway.cli import app
from gateway.exit_codes import ExitCode


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def second(door: FrontDoor) -> int:
    """The id of a second version of `small`, which serves."""
    with session_scope(door.database) as session:
        own = read_latest_strategies(session, tenant_id="default", names=["small"])["small"]
        listed = json.loads(run("predictors", "list", "--json").stdout)
        encoder = next(version["encoder"] for version in listed if version["strategy"] == "small")
        (first,) = read_champions(session, strategy_ids=[own.id], encoder=encoder).values()
        return store_champion(
            session, strategy_id=own.id, encoder=encoder, artefact=first.artefact, meta=dict(first.meta)
        )


def serving(door: FrontDoor) -> list[int]:
    """The versions of `small` that serve."""
    listed = json.loads(run("predictors", "list", "--json").stdout)
    return [own["version"] for own in listed if own["strategy"] == "small" and own["state"] == "champion"]


def test_a_version_is_rolled_back_and_promoted_again(door: FrontDoor, second: int) -> None:
    assert serving(door) == [2]
    assert "version 1 serves strategy small" in run("predictors", "rollback", "small").stdout
    assert serving(door) == [1]
    assert run("predictors", "promote", second).exit_code == ExitCode.DONE
    assert serving(door) == [2]
    page = " ".join(run("predictors", "show", second).stdout.split())
    assert "Chosen by hand (" in page
    assert "UTC: version 1, " in page
    assert "UTC: version 2, " in page
    table = run("predictors", "list").stdout
    assert "champion" in table
    assert "retired" in table


def test_what_is_not_there_can_not_serve(door: FrontDoor) -> None:
    assert run("predictors", "rollback", "large").exit_code == ExitCode.NOT_FOUND
    unknown = run("predictors", "rollback", "nobody")
    assert (unknown.exit_code, "no strategy nobody is known here" in unknown.output) == (ExitCode.NOT_FOUND, True)
    assert run("predictors", "promote", 999).exit_code == ExitCode.NOT_FOUND
    assert serving(door) == [1]


def test_a_damaged_version_is_refused_and_the_champion_serves_on(door: FrontDoor, second: int) -> None:
    run("predictors", "rollback", "small")
    with session_scope(door.database) as session:
        row = session.get_one(PredictorVersionRow, second)
        row.artefact = row.artefact[:-1] + bytes([row.artefact[-1] ^ 1])
    refused = run("predictors", "promote", second)
    assert refused.exit_code == ExitCode.UNTRAINED
    assert "the predictor of strategy small is damaged" in refused.output
    assert serving(door) == [1]


def test_jobs_and_budgets_are_told_as_json(door: FrontDoor) -> None:
    run("budgets", "create", "team", "4e4 tokens")
    (team,) = json.loads(run("budgets", "list", "--json").stdout)
    assert (team["name"], team["cap"], team["left"]) == ("team", 40_000, 40_000)
    (job,) = json.loads(run("status", "--json").stdout)
    assert (job["kind"], job["state"], job["outcomes"]) == ("calibration", "completed", 24)
    assert json.loads(run("status", job["job"], "--json").stdout) == job


def test_a_version_says_why_it_serves(door: FrontDoor, second: int, tmp_path: Path) -> None:
    shown = json.loads(run("predictors", "show", second, "--json").stdout)
    assert (shown["strategy"], shown["version"], shown["state"], shown["trial"]) == ("small", 2, "champion", None)
    assert "small, version 2: champion" in run("predictors", "show", second).stdout
    assert run("predictors", "show", second, "--output", tmp_path / "why").exit_code == ExitCode.DONE
    assert (tmp_path / "why" / "report.md").read_text().startswith("# small, version 2: champion")
    assert run("predictors", "show", 999).exit_code == ExitCode.NOT_FOUND
