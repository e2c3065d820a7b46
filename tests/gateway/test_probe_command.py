"""`apportion probe` as a person gives it, before a server on a real socket; and kill -9 in its middle."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select
from typer.testing import CliRunner, Result

from db.session import session_scope
from db.tables import JobRow, OutcomeRow, PredictorVersionRow, TaskRow
from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.waiting import wait_until
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import Reply, StubServer, json_reply
from tests.worker.probe_night import make_kinds
from worker.bootstrap import open_workshop
from worker.probing import ProbeRequest, Probing
from worker.settings import read_settings

POOL = """
engines:
  far: {{kind: openai, base_url: "{url}", model: m, description: far away}}
strategies:
  - {{name: old, engine: far, decoding: {{method: direct, max_tokens: 30}}}}
  - {{name: new, engine: far, decoding: {{method: direct, max_tokens: 40}}}}
"""
MISSING = """
engines:
  small: {kind: local, model: "package:no-such-weights", description: not on this machine}
strategies:
  - {name: new, engine: small, decoding: {method: direct, max_tokens: 48}}
"""
TASKS = 90


class Teller:
    """A server that is right on sums alone; after `most` answers it gives no more."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.most: int | None = None

    async def __call__(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return json_reply({"data": [{"id": "m"}]})
        question = body["messages"][-1]["content"]
        self.asked.append(question)
        if self.most is not None and len(self.asked) > self.most:
            await asyncio.Event().wait()
        text = "yes" if question.startswith("How much") else "no"
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return json_reply({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}})


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, teller: Teller) -> Iterator[Path]:
    """Where the command is typed: a graded file, a strategy file, a database of its own and a server."""
    loop, server = EngineLoop(), StubServer(teller)
    loop.run(server.start())
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "CACHE_DIRECTORY": str(tmp_path / "cache"),
        "LEASE_SECONDS": "1",
        "BATCH_TASKS": "4",
    }.items():
        monkeypatch.setenv(f"APPORTION_{name}", value)
    write_tasks()
    Path("strategies.yaml").write_text(POOL.format(url=server.base_url), encoding="utf-8")
    yield tmp_path
    loop.run(server.stop())
    loop.close()


def write_tasks(*, graded: int = TASKS, bare: int = 0) -> None:
    tasks = [*make_kinds(graded), *make_kinds(graded + bare, grader=False)[graded:]]
    Path("tasks.jsonl").write_text("".join(f"{task.payload}\n" for task in tasks), encoding="utf-8")


def words(*options: str, strategy: str = "new") -> list[str]:
    return ["probe", "tasks.jsonl", "--strategies", "strategies.yaml", "--strategy", strategy, *options]


def probe(*options: str, strategy: str = "new") -> Result:
    return CliRunner().invoke(app, words(*options, strategy=strategy))


def say(result: Result) -> str:
    """What it printed, however the lines were broken."""
    return " ".join(result.stdout.split())


def list_jobs(database: Database) -> list[tuple[str, str, int]]:
    with session_scope(database) as session:
        return [(*row,) for row in session.execute(select(JobRow.kind, JobRow.state, JobRow.task_count))]


def list_answered(database: Database) -> list[str]:
    """What was asked in the tasks that have an outcome."""
    tasks = select(TaskRow.payload).join(
        OutcomeRow, (OutcomeRow.job_id == TaskRow.job_id) & (OutcomeRow.seq == TaskRow.seq)
    )
    with session_scope(database) as session:
        payloads = session.execute(tasks).scalars().all()
    return [json.loads(payload)["body"]["messages"][-1]["content"] for payload in payloads]


def count_predictors(database: Database) -> int:
    with session_scope(database) as session:
        return len(session.execute(select(PredictorVersionRow.id)).all())


def test_a_strategy_joins_and_the_command_says_by_what(folder: Path, teller: Teller, db_engine: Database) -> None:
    write_tasks(bare=3)
    result = probe("--probes", "45")
    assert result.exit_code == ExitCode.DONE, result.output
    said = say(result)
    assert "3 of 93 tasks have no grader and are left out" in said
    assert "probe 1: 45 tasks; should it stop, the same command goes on" in said
    assert "new can be routed to: a task is predicted by the probes nearest in 90 past tasks" in said
    assert (len(teller.asked), len(set(teller.asked))) == (45, 45)
    assert list_jobs(db_engine) == [("probe", "completed", 45)]
    assert count_predictors(db_engine) == 1

    again = probe("--probes", "45")
    assert again.exit_code == ExitCode.DONE
    assert "new keeps its predictor, which learnt from these outcomes already" in say(again)
    assert (len(teller.asked), count_predictors(db_engine)) == (45, 1)

    trained = CliRunner().invoke(app, ["train", "--strategies", "strategies.yaml"])
    assert trained.exit_code == ExitCode.DONE
    handovers = [
        r"new: its own predictor takes over, log loss 0\.\d{4} against 0\.\d{4} of its cold start",
        r"new: its cold start serves on, log loss 0\.\d{4} against 0\.\d{4} of its own predictor",
    ]
    assert any(re.search(handover, say(trained)) for handover in handovers)
    assert count_predictors(db_engine) == 2


def test_few_probes_and_fewer_tasks_than_probes_are_said(folder: Path) -> None:
    write_tasks(graded=12)
    result = probe()
    said = say(result)
    assert result.exit_code == ExitCode.DONE
    assert "200 probes were asked for, but new can serve 12 distinct tasks of the file: all of them are asked" in said
    assert "fewer than 30 distinct tasks have a grade, so its accuracy is taken to be 33.3% for every task" in said


def test_after_kill_9_the_same_command_loses_and_doubles_nothing(
    folder: Path, teller: Teller, db_engine: Database
) -> None:
    teller.most = 20
    command = subprocess.Popen(
        [sys.executable, "-c", "from gateway.cli import main; main()", *words("--probes", "45")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    wait_until(lambda: len(teller.asked) > 24, seconds=120)
    os.kill(command.pid, signal.SIGKILL)
    command.communicate(timeout=60)
    assert command.returncode == -signal.SIGKILL
    assert list_jobs(db_engine) == [("probe", "running", 45)]
    settled = list_answered(db_engine)
    assert 0 < len(settled) < 45

    teller.most = None
    result = probe("--probes", "45")
    assert result.exit_code == ExitCode.DONE, result.output
    assert "probe 1 was not finished: it comes first" in say(result)
    assert {state for _, state, _ in list_jobs(db_engine)} == {"completed"}
    answered = list_answered(db_engine)
    assert (len(answered), len(set(answered))) == (45, 45)
    asked = Counter(teller.asked)
    assert [asked[question] for question in settled] == [1] * len(settled)
    assert count_predictors(db_engine) == 1


@pytest.mark.parametrize(
    ("options", "strategy", "message"),
    [
        ((), "newer", "strategies.yaml has no strategy newer; it has old, new"),
        (("--probes", "0"), "new", "should be greater than or equal to 1"),
        (("--seed", "-1"), "new", "should be greater than or equal to 0"),
    ],
)
def test_options_that_can_not_be(
    folder: Path, db_engine: Database, options: tuple[str, ...], strategy: str, message: str
) -> None:
    result = probe(*options, strategy=strategy)
    assert result.exit_code == ExitCode.USAGE
    assert message in " ".join(result.stderr.split())
    assert list_jobs(db_engine) == []


def test_a_file_without_graders(folder: Path, db_engine: Database) -> None:
    write_tasks(graded=0, bare=4)
    result = probe()
    assert result.exit_code == ExitCode.JOB_FILE
    assert "tasks.jsonl: none of the 4 tasks has a grader" in result.stderr
    assert list_jobs(db_engine) == []


def test_tasks_for_other_strategies_alone(folder: Path, db_engine: Database) -> None:
    text = Path("tasks.jsonl").read_text(encoding="utf-8")
    Path("tasks.jsonl").write_text(text.replace('"auto"', '"old"'), encoding="utf-8")
    result = probe()
    assert result.exit_code == ExitCode.JOB_FILE
    assert "new can serve none of the 90 graded tasks of the file" in result.stderr
    assert list_jobs(db_engine) == []


def test_a_model_that_is_not_there(folder: Path, db_engine: Database) -> None:
    Path("strategies.yaml").write_text(MISSING, encoding="utf-8")
    result = probe()
    assert result.exit_code == ExitCode.ENGINE
    assert "no-such-weights" in result.stderr
    assert list_jobs(db_engine) == []


def test_an_engine_that_does_not_answer_leaves_no_job_behind(folder: Path, db_engine: Database) -> None:
    Path("strategies.yaml").write_text(POOL.format(url="http://127.0.0.1:9/v1"), encoding="utf-8")
    result = probe("--probes", "30")
    assert result.exit_code == ExitCode.ENGINE
    assert "can not reach http://127.0.0.1:9/v1" in result.stderr
    assert list_jobs(db_engine) == []


def test_a_probe_can_be_continued_and_names_the_next_step(folder: Path, teller: Teller, db_engine: Database) -> None:
    with open_workshop(read_settings(), strategy_file=Path("strategies.yaml"), watch=lambda _: None) as workshop:
        request = ProbeRequest(tasks=make_kinds(TASKS), tasks_sha256="f", count=30, adaptive=False, seed=0)
        probing = Probing(workshop, position=1, request=request, tell=lambda _: None)
        assert next(probing.jobs())() == 1  # a command that died here
    result = CliRunner().invoke(app, ["continue", "1"])
    assert result.exit_code == ExitCode.DONE
    assert "probe 1 is complete: the `apportion probe` command that began it goes on from there" in say(result)
    assert (list_jobs(db_engine), len(teller.asked)) == ([("probe", "completed", 30)], 30)
    report = CliRunner().invoke(app, ["report", "1"])
    assert report.exit_code == ExitCode.NOT_FOUND
    assert "job 1 is a probe, and only runs have a report" in " ".join(report.stderr.split())
