"""A large job under every kind of fault: each task ends once, and no cap is passed.

How long recoveries take is measured by bench/faults.py.
"""

from pathlib import Path

import pytest

from tests.brokers import broker_of_rabbitmq, broker_of_redis
from tests.faults.fire import run_fire
from tests.private_rabbitmq import PrivateRabbitMQ
from worker.redis import PrivateRedis

TASKS = 40_000
LEASE_SECONDS = 3.0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_job_under_fire_keeps_every_promise(seed: int, open_directory: Path, redis_server: PrivateRedis) -> None:
    broker = broker_of_redis(redis_server)
    report = run_fire(broker, folder=open_directory, seed=seed, tasks=TASKS, lease_seconds=LEASE_SECONDS)
    assert report.list_complaints() == []


@pytest.mark.rabbitmq
@pytest.mark.timeout(900)
def test_a_job_under_fire_keeps_every_promise_over_rabbitmq(
    open_directory: Path, rabbitmq_server: PrivateRabbitMQ
) -> None:
    broker = broker_of_rabbitmq(rabbitmq_server)
    report = run_fire(broker, folder=open_directory, seed=1, tasks=TASKS, lease_seconds=LEASE_SECONDS)
    assert report.list_complaints() == []
