"""The dashboard on a database of its own, looked at over HTTP without a socket."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from starlette.testclient import TestClient

from db.api_keys import store_key
from db.session import session_scope
from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.api_keys import digest_key, make_key
from gateway.bootstrap import build_front_door
from tests.gateway.api.office import Office, at_the_desk, open_office
from tests.gateway.api.trained import copy_database, train, write_strategies
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker.pool import read_strategy_file
from worker.settings import Settings

_numbers = itertools.count()


class Browser:
    """Looks at pages and sends their forms, as a browser without JavaScript does."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def open(self, path: str, *, status: int = 200) -> str:
        """The page at a path of the dashboard."""
        reply = self.client.get(f"/dashboard{path}")
        assert reply.status_code == status, reply.text
        return reply.text

    def send(self, path: str, *, page: str, status: int = 200, **fields: str) -> str:
        """The page that the form of a page leads to."""
        reply = self.client.post(f"/dashboard{path}", data={"form_token": self.read_token(page), **fields})
        assert reply.status_code == status, reply.text
        return reply.text

    def read_token(self, page: str) -> str:
        """What the forms of this page carry."""
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.open(page))
        assert found is not None
        return found[1]


@pytest.fixture
def door(db_engine: Database, tmp_path: Path) -> FrontDoor:
    """What the dashboard works with."""
    file = write_strategies(tmp_path)
    settings = Settings(data_directory=tmp_path, cache_directory=tmp_path)
    return build_front_door(
        settings,
        database=db_engine,
        pool=read_strategy_file(file),
        strategy_file=file,
        desk_is_at_work=lambda: True,
    )


@pytest.fixture
def browser(door: FrontDoor) -> Iterator[Browser]:
    """Somebody at this machine."""
    with TestClient(create_app(door), base_url="http://localhost") as client:
        yield Browser(client)


@pytest.fixture
def waiting_job(db_engine: Database) -> int:
    """A job that nobody has begun."""
    return submit(db_engine, predictions=predict_flat(6, small=(0.2, 5.0), large=(0.9, 20.0)), objective=budget(80))


@pytest.fixture
def answered_job(db_engine: Database, tmp_path: Path) -> int:
    """A job of 40 tasks, all answered, and right."""
    flat = predict_flat(40, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(db_engine, predictions=flat, objective=budget(1_000))
    engine = FakeEngine(answer_with("yes", tokens=7))
    assert drive(db_engine, job_id, [engine], make_settings(tmp_path))
    return job_id


def give_key(
    database: Database,
    *,
    tenant_id: str,
    budgets: list[str] | None = None,
    requests_per_minute: int | None = None,
    max_file_bytes: int | None = None,
) -> str:
    """A new key of a tenant."""
    key = make_key()
    with session_scope(database) as session:
        assert store_key(
            session,
            key_id=f"key_{tenant_id}",
            tenant_id=tenant_id,
            name=f"the key of {tenant_id}",
            digest=digest_key(key),
            budgets=budgets,
            requests_per_minute=requests_per_minute,
            max_file_bytes=max_file_bytes,
        )
    return key


@pytest.fixture(scope="module")
def office(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A server whose strategies are trained and which answers, shared by the tests of a module."""
    with copy_database(server_url, name=f"dashboard_{next(_numbers)}", template=migrated_template) as url:
        train(url, tmp_path_factory.mktemp("training"))
        with (
            open_office(url, tmp_path_factory.mktemp("office")) as opened,
            at_the_desk(opened.door.settings, answering=True),
        ):
            yield opened
