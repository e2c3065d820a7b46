"""The application on a database of its own, asked over HTTP without a socket."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from starlette.testclient import TestClient

from db.invariants import find_violations
from db.session import session_scope
from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.bootstrap import build_front_door
from tests.gateway.api.office import Office, at_the_desk, open_office
from tests.gateway.api.trained import copy_database, execute, name_database, train, write_strategies
from worker.pool import read_strategy_file
from worker.settings import Settings

_numbers = itertools.count()


@pytest.fixture
def door(db_engine: Database, tmp_path: Path) -> FrontDoor:
    """What the application works with."""
    file = write_strategies(tmp_path)
    settings = Settings(data_directory=tmp_path, cache_directory=tmp_path)
    pool = read_strategy_file(file)
    return build_front_door(settings, database=db_engine, pool=pool, strategy_file=file, desk_is_at_work=lambda: True)


@pytest.fixture
def client(door: FrontDoor) -> Iterator[TestClient]:
    """A client of the application."""
    with TestClient(create_app(door), base_url="http://localhost", raise_server_exceptions=False) as asking:
        yield asking


@pytest.fixture(scope="session")
def trained_template(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database whose strategies are trained."""
    execute(server_url, f"CREATE DATABASE template_trained TEMPLATE {migrated_template}")
    train(name_database(server_url, "template_trained"), tmp_path_factory.mktemp("training"))
    return "template_trained"


@pytest.fixture(scope="module")
def office(server_url: str, trained_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A server that answers, shared by the tests of a module."""
    with (
        copy_database(server_url, name=f"office_{next(_numbers)}", template=trained_template) as url,
        open_office(url, tmp_path_factory.mktemp("office")) as opened,
    ):
        with at_the_desk(opened.door.settings, answering=True):
            yield opened
        with session_scope(opened.door.database) as session:
            assert find_violations(session) == []


@pytest.fixture(scope="module")
def quiet_office(server_url: str, trained_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A server whose engines never come: batches are planned, and stay in progress."""
    with (
        copy_database(server_url, name=f"office_{next(_numbers)}", template=trained_template) as url,
        open_office(url, tmp_path_factory.mktemp("office")) as opened,
        at_the_desk(opened.door.settings, answering=False),
    ):
        yield opened
