"""Fixtures every test may use: a real Postgres, a fresh database of this checkout's schema for each test, brokers."""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.orm import Session

from db.invariants import find_violations
from tests.brokers import Broker, broker_of_rabbitmq, broker_of_redis
from tests.open_directory import make_open_directory
from tests.private_rabbitmq import PrivateRabbitMQ, run_rabbitmq
from worker.migration import migrate
from worker.redis import PrivateRedis, run_redis

# Other work on the machine is none of a property's business.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

CHECKOUT = Path(__file__).parent.parent
TEMPLATE = "template_migrated"
_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rabbitmq", default="/", help="the folder under which RabbitMQ's Debian packages were unpacked")


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A private server for this test run; it ends with the run, even when the run is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.private_postgres"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the tests first, the server after them
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url, "the test server did not start; its error is above"
        yield url
        server.communicate(timeout=60)
    assert server.returncode == 0


@pytest.fixture(scope="session")
def migrated_template(server_url: str) -> str:
    """The name of a database with the newest schema, from which each test's own database is copied."""
    _execute(server_url, f"CREATE DATABASE {TEMPLATE}")
    migrate(_database(server_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(server_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh database with the newest schema and no rows; its invariants are checked when the test is over."""
    with _fresh_database(server_url, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def shared_database_url(server_url: str, migrated_template: str) -> Iterator[str]:
    """The same for all tests of a module, which start what would take too long to start for each."""
    with _fresh_database(server_url, migrated_template) as url:
        yield url


@pytest.fixture
def db_engine(database_url: str) -> Iterator[Engine]:
    """A SQLAlchemy engine on the test's own database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everyone may pass through: pytest's own are closed to the database's user when root runs."""
    directory = make_open_directory()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def redis_server() -> Iterator[PrivateRedis]:
    """A private Redis with nothing in it."""
    with run_redis() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_prefix(request: pytest.FixtureRequest) -> Path:
    """Where RabbitMQ is to be found; a test that asks for it is marked `rabbitmq`."""
    return Path(request.config.getoption("rabbitmq"))


@pytest.fixture(scope="session")
def rabbitmq_server(rabbitmq_prefix: Path) -> Iterator[PrivateRabbitMQ]:
    """A private RabbitMQ for this test run."""
    with run_rabbitmq(rabbitmq_prefix) as server:
        yield server


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn: RabbitMQ only where tests that need it are wanted."""
    if request.param == "redis":
        return broker_of_redis(request.getfixturevalue("redis_server"))
    return broker_of_rabbitmq(request.getfixturevalue("rabbitmq_server"))


@contextmanager
def _fresh_database(server_url: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = _database(server_url, name)
    yield url
    _check_invariants(url)
    _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _check_invariants(url: str) -> None:
    """Whatever a test did, the ledger adds up, no budget is over its cap, and no task is lost."""
    engine = create_engine(url)
    with Session(engine) as session:
        violations = find_violations(session)
    engine.dispose()
    assert not violations, "\n".join(f"{violation.invariant}: {violation.row}" for violation in violations)


def _database(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _execute(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())
