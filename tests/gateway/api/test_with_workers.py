"""With a broker the server only produces: Celery workers route and answer what its desk has planned."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.gateway.api.office import at_the_desk, open_office
from tests.gateway.api.trained import copy_database, write_lines
from worker.local_workers import run_workers
from worker.queues import RECONCILER, ROUTER, engine_queue
from worker.redis import PrivateRedis

CHECKOUT = Path(__file__).parent.parent.parent.parent


def test_workers_answer_what_the_server_was_asked(
    server_url: str,
    trained_template: str,
    redis_server: PrivateRedis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    queues = {"brain": [ROUTER, RECONCILER], "engine": [engine_queue("echo")]}
    with (
        copy_database(server_url, name="office_fleet", template=trained_template) as url,
        open_office(url, tmp_path) as office,
    ):
        settings = replace(office.door.settings, broker_url=redis_server.url, lease_seconds=3.0)
        with (
            run_workers(settings, queues=queues, log_directory=tmp_path),
            at_the_desk(settings, answering=True),
        ):
            asked = office.submit(
                write_lines(20, prefix="fleet"), strategies=["small", "large"], budget="100000 tokens"
            )
            batch = office.wait(asked["id"])
            assert batch["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
            assert len(office.lines(batch["output_file_id"])) == 20
