"""A disk that is really full under the database: nothing is half settled, and all goes on once there is room."""

import os
import random
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.brokers import broker_of_redis
from tests.faults.fire import SCRIPT, Fire
from tests.faults.stage import set_stage
from tests.waiting import wait_until
from tests.worker.postgres_folders import small_disk
from worker.redis import PrivateRedis

TASKS = 10_000
DISK_MIB = 200


def fill_disk(folder: Path) -> Path:
    """The file that takes what was free."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(2**20)):
            pass
    return filler


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk: only root can")
def test_a_disk_that_fills_up_under_the_database(open_directory: Path, redis_server: PrivateRedis) -> None:
    disk = open_directory / "disk"
    with (
        small_disk(disk, size_mib=DISK_MIB),
        set_stage(broker_of_redis(redis_server), folder=disk, script=SCRIPT, lease_seconds=2.0) as stage,
    ):
        database = create_engine(stage.url, pool_pre_ping=True)
        fire = Fire(stage, database, dice=random.Random(0), tasks=TASKS, seed=0)
        wait_until(lambda: stage.observer.settled > TASKS // 10)
        filler = fill_disk(disk)
        wait_until(lambda: any("No space left on device" in stage.fleet.log_of(f"engine-{x}") for x in "ab"))
        filler.unlink()
        assert stage.postgres.start() == stage.url  # where the server gave up, it is there again
        wait_until(fire.is_over, seconds=120.0)
        report = fire.report()
        database.dispose()
    assert report.list_complaints() == []
