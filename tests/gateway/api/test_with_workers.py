"""With a broker the server only produces: Celery workers route and answer what its desk has planned."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.api.judged import ANSWERING, JUDGES_ENGINE, list_labels, serve_judge, write_judged_lines
from tests.gateway.api.office import at_the_desk, open_office
from tests.gateway.api.trained import copy_database, write_lines
from tests.gateway.judge_server import JudgeServer
from worker.json_log import LogFormat
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
    queues = {
        "brain": [ROUTER, RECONCILER],
        "engine": [engine_queue("echo")],
        "judge": [engine_queue(JUDGES_ENGINE)],
    }
    judges = JudgeServer()
    judges.calm = True
    with (
        serve_judge(judges) as pool,
        copy_database(server_url, name="office_fleet", template=trained_template) as url,
        open_office(url, tmp_path, strategies=pool) as office,
    ):
        settings = replace(
            office.door.settings, broker_url=redis_server.url, lease_seconds=3.0, log_format=LogFormat.JSON
        )
        with (
            run_workers(settings, queues=queues, log_directory=tmp_path),
            at_the_desk(settings, answering=True),
        ):
            asked = office.submit(
                write_lines(20, prefix="fleet") + write_judged_lines(4, prefix="judged"),
                strategies=ANSWERING,
                budget="100000 tokens",
                judge={"strategy": "judge", "budget": "100000 tokens"},
            )
            batch = office.wait(asked["id"])
            assert batch["request_counts"] == {"total": 24, "completed": 24, "failed": 0}
            assert len(office.lines(batch["output_file_id"])) == 24
            assert list_labels(office, asked["id"]) == [("judge", 0.5)] * 4
            assert batch["routing"]["observed_accuracy"] == (20 + 4 * 0.5) / 24
    require_told(tmp_path / "engine.log", output_tokens=batch["usage"]["output_tokens"])


def require_told(log: Path, *, output_tokens: int) -> None:
    """The engine worker's log tells of each group what was asked of which model."""
    attributes = [line["attributes"] for line in read_log(log)]
    ended = [own for own in attributes if "gen_ai.usage.input_tokens" in own]
    assert sum(own["gen_ai.usage.output_tokens"] for own in ended) == output_tokens
    assert {own["gen_ai.provider.name"] for own in ended} == {"echo"}
    assert ended[0].keys() >= {"job", "window", "group", "strategy", "gen_ai.request.model", "gen_ai.operation.name"}


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a worker's log, all of them JSON but for Celery's banner."""
    _, banner, lines = path.read_text().rpartition("[tasks]")
    assert banner
    return [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
