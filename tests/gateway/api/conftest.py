"""The application on a database of its own, asked over HTTP without a socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from starlette.testclient import TestClient

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.bootstrap import build_front_door
from worker.pool import read_strategy_file
from worker.settings import Settings

STRATEGIES = """
engines:
  echo: {kind: echo, model: echo, description: no model}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
  - {name: large, engine: echo, decoding: {method: direct, max_tokens: 40}}
"""


@pytest.fixture
def door(db_engine: Database, tmp_path: Path) -> FrontDoor:
    """What the application works with."""
    file = tmp_path / "strategies.yaml"
    file.write_text(STRATEGIES, encoding="utf-8")
    settings = Settings(data_directory=tmp_path, cache_directory=tmp_path)
    return build_front_door(settings, database=db_engine, pool=read_strategy_file(file))


@pytest.fixture
def client(door: FrontDoor) -> Iterator[TestClient]:
    """A client of the application."""
    with TestClient(create_app(door), base_url="http://localhost", raise_server_exceptions=False) as asking:
        yield asking
