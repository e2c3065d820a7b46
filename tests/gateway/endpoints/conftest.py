"""The application on a database in which two strategies without a model have predictors."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url
from starlette.testclient import TestClient
from typer.testing import CliRunner

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.bootstrap import build_front_door
from gateway.cli import app
from tests.gateway.endpoints.asking import STRATEGIES, Trained
from tests.worker.fake_night import make_tasks
from worker.pool import read_strategy_file
from worker.settings import Settings

TRAINED = "template_trained_echo"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def trained_template(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the strategy file; the template database is calibrated and trained."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "strategies.yaml").write_text(STRATEGIES, encoding="utf-8")
    tasks = folder / "tasks.jsonl"
    tasks.write_text("".join(f"{task.payload}\n" for task in make_tasks(12)), encoding="utf-8")
    _execute(server_url, f"CREATE DATABASE {TRAINED} TEMPLATE {migrated_template}")
    with pytest.MonkeyPatch.context() as patch:
        _point_at(patch, url=_name(server_url, TRAINED), folder=folder)
        for words in (("calibrate", str(tasks)), ("train",)):
            result = CliRunner().invoke(app, [*words, "--strategies", str(folder / "strategies.yaml")])
            assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def trained(server_url: str, trained_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trained]:
    """A copy of it; commands of this test use it."""
    name = f"trained_{next(_numbers)}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {TRAINED}")
    _point_at(monkeypatch, url=_name(server_url, name), folder=trained_template)
    yield Trained(_name(server_url, name), trained_template, trained_template / "strategies.yaml")
    _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def door(trained: Trained, tmp_path: Path) -> Iterator[FrontDoor]:
    """What the application works with."""
    settings = Settings(data_directory=tmp_path, cache_directory=trained.folder / "cache")
    database = create_engine(trained.url)
    pool = read_strategy_file(trained.strategy_file)
    yield build_front_door(
        settings,
        database=database,
        pool=pool,
        strategy_file=trained.strategy_file,
        desk_is_at_work=lambda: True,
    )
    database.dispose()


@pytest.fixture
def client(door: FrontDoor) -> Iterator[TestClient]:
    """A client of the application."""
    with TestClient(create_app(door), base_url="http://localhost", raise_server_exceptions=False) as asking:
        yield asking


def _point_at(patch: pytest.MonkeyPatch, *, url: str, folder: Path) -> None:
    patch.setenv("APPORTION_DATABASE_URL", url)
    patch.setenv("APPORTION_CACHE_DIRECTORY", str(folder / "cache"))
    patch.setenv("COLUMNS", "120")


def _name(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _execute(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())
