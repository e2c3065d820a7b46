"""A job before a server that lies, errs, hangs or talks nonsense: never a wrong charge, and others answer the rest."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import read_job
from db.progress import read_progress
from db.results import iterate_results
from db.session import session_scope
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import HALF_CLOSED, Reply, StubServer, json_reply
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    predict_flat,
    submit,
)
from tests.worker.test_strategy_health import make_two_engines, read_openings
from worker.engines.openai_engine import OpenAIEngine

TASKS, CAP = 80, 9_000
GOOD_LARGE = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def answer(*, prompt_tokens: int = 5, output_tokens: int = 3) -> Reply:
    choice = {"message": {"content": "yes"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": output_tokens}
    return json_reply({"choices": [choice], "usage": usage})


class Server:
    """Serves the model `second` with one reply, None to hang."""

    def __init__(self, reply: Reply | None) -> None:
        self.reply = reply

    async def __call__(self, path: str, _: dict[str, Any]) -> Reply:
        if not path.endswith("completions"):
            return json_reply({}, 404)
        if self.reply is None:
            await asyncio.Event().wait()
        assert self.reply is not None
        return self.reply


BAD_REPLIES = [
    pytest.param(answer(output_tokens=4_000), id="more output than asked for"),
    pytest.param(answer(output_tokens=10**40), id="more tokens than there are"),
    pytest.param(json_reply({"error": {"message": "boom", "code": 500}}), id="an error with status 200"),
    pytest.param(Reply(200, b"<html>maintenance</html>"), id="HTML"),
    pytest.param(Reply(200, b" " * (4 << 20)), id="a body without end"),
    pytest.param(json_reply({"error": {"message": "no key", "code": 401}}), id="a wrong key with status 200"),
    pytest.param(json_reply({"error": "no such key"}, 401), id="a wrong key"),
    pytest.param(json_reply({"error": "no such model"}, 404), id="a wrong address"),
    pytest.param(json_reply({}, 302, "Location: /elsewhere"), id="elsewhere"),
    pytest.param(Reply(HALF_CLOSED, b""), id="half a connection"),
    pytest.param(None, id="silence"),
]


@contextmanager
def serve(reply: Reply | None) -> Iterator[str]:
    """The base URL of such a server, which has a loop of its own, as servers have."""
    loop, server = EngineLoop(), StubServer(Server(reply))
    loop.run(server.start())
    yield server.base_url
    loop.run(server.stop())
    loop.close()


@pytest.mark.parametrize("reply", BAD_REPLIES)
def test_nothing_is_charged_above_its_reservation_and_the_server_is_left_alone(
    db_engine: Database, tmp_path: Path, reply: Reply | None
) -> None:
    pool = make_two_engines()
    job_id = submit(db_engine, predictions=predict_flat(TASKS, **GOOD_LARGE), objective=budget(CAP), pool=pool)
    honest, spec = FakeEngine(answer_with("yes", tokens=3)), pool.strategies[1].strategy.engine
    honest.concurrency = 4
    with serve(reply) as base_url:
        bad = OpenAIEngine(replace(spec, base_url=base_url, options={"timeout_seconds": 0.1, "concurrency": 4}))
        assert drive(db_engine, job_id, [honest, bad], make_settings(tmp_path), pool=pool)
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=job_id)
        books = read_budget(session, budget_id=job.budget_id)
        progress = read_progress(session, job_id=job_id)
    assert progress.outcomes == TASKS
    assert progress.errors <= TASKS / 2  # what was with the server already; the honest strategy answers the rest
    assert list(read_openings(db_engine)) == [job.strategy_ids[1]]
    assert (books.overrun, books.reserved) == (0, 0)
    assert 0 < books.spent <= TASKS * MAX_TOKENS["large"]


def test_a_lie_that_its_reservation_would_cover_is_dropped_and_the_server_is_left_alone(
    db_engine: Database, tmp_path: Path
) -> None:
    """A prompt is reserved for by its bytes, so four times as many tokens as were asked for would not stand out."""
    pool, roomy = make_two_engines(), predict_flat(TASKS, **GOOD_LARGE)
    roomy = replace(roomy, worst_cost=roomy.worst_cost * 10)
    job_id = submit(db_engine, predictions=roomy, objective=budget(CAP * 10), pool=pool)
    honest, spec = FakeEngine(answer_with("yes", tokens=3)), pool.strategies[1].strategy.engine
    with serve(answer(output_tokens=MAX_TOKENS["large"] * 4)) as base_url:
        liar = OpenAIEngine(replace(spec, base_url=base_url, options={"concurrency": 4}))
        assert drive(db_engine, job_id, [honest, liar], make_settings(tmp_path), pool=pool)
    with session_scope(db_engine) as session:
        large = read_job(session, job_id=job_id).strategy_ids[1]
        outcomes = [row.outcome for row in iterate_results(session, job_id=job_id) if row.outcome]
    lies = [outcome for outcome in outcomes if outcome.strategy_id == large]
    assert {(own.error_code, own.cost, own.output_tokens) for own in lies} == {("usage_impossible", 400, 0)}
    assert len(lies) < len(outcomes) / 2 == TASKS / 2
    assert "160 tokens in an answer that has 1 to 40" in read_openings(db_engine)[large]
