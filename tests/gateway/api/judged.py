"""A pool with a judge on a socket, and lines whose answers it reads."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from db.session import session_scope
from db.tables import BatchRow, LabelRow
from tests.gateway.api.office import Office
from tests.gateway.api.trained import STRATEGIES, write_lines
from tests.gateway.judge_server import JudgeServer
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import StubServer

JUDGES_ENGINE = "far"
ENGINE = '\n  far: {{kind: openai, base_url: "{url}", model: m, description: far away}}\nstrategies:'
JUDGE = "  - {name: judge, engine: far, decoding: {method: direct, max_tokens: 50}}\n"
RUBRIC = {"kind": "judge", "reference": "says it"}
ANSWERING = ["small", "large"]


@contextmanager
def serve_judge(judges: JudgeServer) -> Iterator[str]:
    """The strategy file with it, for as long as it listens."""
    loop, stub = EngineLoop(), StubServer(judges)
    loop.run(stub.start())
    yield STRATEGIES.replace("\nstrategies:", ENGINE.format(url=stub.base_url)) + JUDGE
    loop.run(stub.stop())
    loop.close()


def write_judged_lines(count: int, *, prefix: str) -> bytes:
    lines = [{**json.loads(line), "grader": RUBRIC} for line in write_lines(count, prefix=prefix).splitlines()]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def list_labels(office: Office, batch_id: str) -> list[tuple[str, float]]:
    rows = select(LabelRow.source, LabelRow.correct).join(BatchRow, BatchRow.job_id == LabelRow.job_id)
    with session_scope(office.door.database) as session:
        return [(row.source, row.correct) for row in session.execute(rows.where(BatchRow.id == batch_id))]
