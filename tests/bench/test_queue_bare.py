"""The bare pipeline of the queue's bench does the work that it is measured by."""

import psycopg
import pytest

from bench import queue_bare
from bench.queue_bare import measure_bare


def test_the_bare_pipeline_settles_every_task_and_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_bare, "BLOCK_TASKS", 200)
    bare = measure_bare(1_050, server_url=database_url)  # which checks that all are settled, right, and paid for
    assert bare.tasks == 1_050
    assert min(bare.store_seconds, bare.settle_seconds, bare.workers_cpu, bare.settled_per_second) > 0
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'bare'")
        assert left.fetchone() == (0,)
