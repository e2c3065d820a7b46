"""Celery on each broker: messages arrive, workers are asked and stopped, and a broker that was wiped is met again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery
from kombu import pools

from tests.brokers import Broker
from tests.waiting import wait_until

CHECKOUT = Path(__file__).parent.parent


def test_celery_works_is_controlled_and_survives_a_wiped_broker(broker: Broker) -> None:
    with celery_worker(broker.url) as worker:
        with celery_client(broker.url) as app:
            wait_until(lambda: bool(app.control.ping(timeout=1, limit=1)))
            app.send_task("ring")
            wait_until(lambda: rings_heard(app) == [1])
        broker.restart()
        with celery_client(broker.url) as app:
            app.send_task("ring")
            wait_until(lambda: rings_heard(app) == [2])
            app.control.shutdown()
        assert worker.wait(timeout=30) == 0


@contextmanager
def celery_client(url: str) -> Iterator[Celery]:
    """An application with connections of its own: Celery pools them by address, and broken ones stay in the pool."""
    with Celery(broker=url) as app:
        yield app
    pools.reset()


@contextmanager
def celery_worker(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of tests/celery_rings.py."""
    command = ["-A", "tests.celery_rings", "-b", url, "worker", "--pool=solo", "--loglevel=error"]
    with subprocess.Popen([sys.executable, "-m", "celery", *command], cwd=CHECKOUT) as worker:
        try:
            yield worker
        finally:
            worker.kill()


def rings_heard(app: Celery) -> list[int]:
    """How many rings each worker has heard, by its own account."""
    stats = app.control.inspect(timeout=1, limit=1).stats() or {}
    return [worker["total"].get("ring", 0) for worker in stats.values()]
