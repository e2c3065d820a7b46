"""Commands from a job file to its results, with an engine that needs no model: calibrate, train, submit, continue."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, make_url
from typer.testing import CliRunner

from db.invariants import find_violations
from db.session import session_scope
from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.worker.fake_night import make_tasks

STRATEGIES = """
engines:
  echo: {kind: echo, model: echo, description: no model}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
  - {name: large, engine: echo, decoding: {method: direct, max_tokens: 40}}
"""
QUESTIONS, TASKS = 6, 12
ENOUGH = "100000 tokens"


class House:
    """A folder with a job file, and a database in which both strategies are trained."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self.database = folder, database

    def run(self, *words: object, expect: ExitCode = ExitCode.DONE) -> str:
        """What the command said, in one line."""
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == expect, result.output
        return " ".join(result.output.split())

    def submit(self, *options: object) -> int:
        """The number of a job of twelve tasks that ask six questions."""
        said = self.run("submit", self.folder / "tasks.jsonl", *self.strategies, *options)
        found = re.search(r"job (\d+): ", said)
        assert found, said
        return int(found[1])

    @property
    def strategies(self) -> tuple[str, Path]:
        return ("--strategies", self.folder / "strategies.yaml")


@pytest.fixture(scope="module")
def trained(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house in which both strategies have predictors; trained once for all tests here."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE whole_commands TEMPLATE {migrated_template}".encode())
    url = make_url(server_url).set(database="whole_commands").render_as_string(hide_password=False)
    folder, database = tmp_path_factory.mktemp("house"), create_engine(url)
    (folder / "strategies.yaml").write_text(STRATEGIES, encoding="utf-8")
    asked = make_tasks(
        TASKS, body=lambda number: {"messages": [{"role": "user", "content": f"say {number % QUESTIONS} again"}]}
    )
    (folder / "tasks.jsonl").write_text("".join(f"{task.payload}\n" for task in asked), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPORTION_DATABASE_URL", url)
        patch.setenv("APPORTION_CACHE_DIRECTORY", str(folder / "cache"))
        patch.setenv("COLUMNS", "200")
        house = House(folder, database)
        house.run("calibrate", folder / "tasks.jsonl", *house.strategies)
        house.run("train", *house.strategies)
        yield house
        with session_scope(database) as session:
            assert find_violations(session) == []
        database.dispose()


def read_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_was_submitted_is_answered_by_continue(trained: House, tmp_path: Path) -> None:
    job_id = trained.submit("--budget", ENOUGH, "--priority", 3, "--deadline", "+8h")
    assert "0 of 12" in trained.run("status", job_id)
    for command in ("report", "continue"):
        said = trained.run(command, job_id, expect=ExitCode.USAGE)
        assert f"job {job_id} was submitted without a folder for its files: name one with --out" in said
    said = trained.run("continue", job_id, "--out", tmp_path / "out")
    assert "12 of 12 answered (6 with an identical task's answer)" in said
    answers = {line["custom_id"]: line for line in read_lines(tmp_path / "out" / "results.jsonl")}
    assert len(answers) == TASKS
    assert [line["answered_with"] for line in read_lines(tmp_path / "out" / "decisions.jsonl")] == [
        *[None] * QUESTIONS,
        *(f"task-{number}" for number in range(QUESTIONS)),
    ]


def test_a_job_draws_on_a_shared_budget_as_long_as_there_is_enough(trained: House, tmp_path: Path) -> None:
    trained.run("budgets", "create", "house", "2000 tokens")
    job_id = trained.submit("--shared-budget", "house")
    assert "budget house, of which 2,000 tokens were left" in trained.run("status", job_id)
    trained.run("continue", job_id, "--out", tmp_path / "out")
    assert "2,000 tokens 36 tokens 0 tokens 0 tokens 1,964 tokens" in trained.run("budgets", "list")
    trained.run("budgets", "lower", "house", "1960 tokens")
    words = (trained.folder / "tasks.jsonl", *trained.strategies, "--shared-budget")
    said = trained.run("submit", *words, "house", expect=ExitCode.BUDGET)
    assert "is not promised to other jobs, but the cheapest strategy for every task needs" in said
    assert "there is no budget nobody" in trained.run("submit", *words, "nobody", expect=ExitCode.NOT_FOUND)


def test_what_the_budget_did_not_reach_is_asked_once_it_is_raised(trained: House, tmp_path: Path) -> None:
    job_id = trained.submit("--budget", "600 tokens")
    trained.run("budgets", "lower", job_id, "505 tokens")  # enough for one answer, as long as it may be
    assert "not reached by the budget" in trained.run("continue", job_id, "--out", tmp_path)
    refused = trained.run("continue", job_id, "--out", tmp_path, expect=ExitCode.BUDGET)
    assert f"job {job_id} is completed, and its budget did not reach" in refused
    trained.run("budgets", "raise", job_id, "500 tokens")
    said = trained.run("continue", job_id, "--out", tmp_path / "later")
    later = re.search(rf"job (\d+) continues job {job_id}", said)
    assert later is not None
    lines = [*read_lines(tmp_path / "results.jsonl"), *read_lines(tmp_path / "later" / "results.jsonl")]
    assert sorted(str(line["custom_id"]) for line in lines) == sorted(f"task-{number}" for number in range(TASKS))
    assert f"job {later[1]} continues it" in trained.run("report", job_id, "--out", tmp_path)
    said = trained.run("report", later[1], "--out", tmp_path / "later")
    assert f"job {job_id} has those that it was continued from" in said
