"""Commands from a job file to its results, with an engine that needs no model: calibrate, train, submit, continue."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, make_url, text
from typer.testing import CliRunner

from db.invariants import find_violations
from db.session import run_in_transaction, session_scope
from db.states import StrategyMode
from db.strategies import read_strategies
from db.strategy_modes import append_change
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

    def read(self, *words: object) -> Any:
        """What the command prints for programs."""
        result = CliRunner().invoke(app, [*map(str, words), "--json"])
        assert result.exit_code == ExitCode.DONE, result.output
        return json.loads(result.stdout)

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


def test_programs_read_what_commands_print(trained: House, tmp_path: Path) -> None:
    words = (trained.folder / "tasks.jsonl", *trained.strategies, "--budget", ENOUGH)
    submitted = trained.read("submit", *words)
    assert submitted["tasks"] == TASKS
    assert trained.read("pause", submitted["job"])["paused"]
    assert not trained.read("unpause", submitted["job"])["paused"]
    ended = trained.read("continue", submitted["job"], "--out", tmp_path)
    assert ended["tasks"]["answered"] == TASKS
    assert ended["unit"] == "tokens"
    assert 0 < ended["spent"] <= ended["cap"] == 100_000
    assert trained.read("report", submitted["job"], "--out", tmp_path) == ended
    run = trained.read("run", *words, "--out", tmp_path / "run")
    assert run["folder"] == str(tmp_path / "run")
    assert trained.read("cancel", trained.submit("--budget", ENOUGH))["cancelled"]
    assert trained.read("calibrate", trained.folder / "tasks.jsonl", *trained.strategies)["known"] == ["small", "large"]


def test_results_are_the_lines_of_the_files(trained: House, tmp_path: Path) -> None:
    job_id = trained.submit("--budget", ENOUGH)
    trained.run("continue", job_id, "--out", tmp_path)
    for options, name in (((), "results.jsonl"), (("--errors",), "errors.jsonl")):
        printed = CliRunner().invoke(app, ["results", str(job_id), *options])
        assert printed.exit_code == ExitCode.DONE
        assert printed.stdout == (tmp_path / name).read_text(encoding="utf-8")


def test_a_graded_job_explores_by_default_and_not_where_it_is_told_not_to(trained: House) -> None:
    jobs = [
        trained.submit("--budget", ENOUGH),
        trained.submit("--budget", ENOUGH, "--exploration", "10%"),
        trained.submit("--budget", ENOUGH, "--exploration", "off"),
        trained.submit("--target-accuracy", "0.01"),
    ]
    query = text("SELECT objective -> 'exploration' -> 'share' FROM job WHERE id = ANY (:jobs) ORDER BY id")
    with session_scope(trained.database) as session:
        assert session.execute(query, {"jobs": jobs}).scalars().all() == [0.05, 0.1, None, None]


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


PRICED = STRATEGIES.replace(
    "description: no model}",
    """description: no model, parameters: 1000000, tariff: {
    USD: {prompt_per_mtok: 0.5, output_per_mtok: 2, cached_prompt_per_mtok: 0.1, batch_discount: 0.5},
    GPU-seconds: {prompt_per_mtok: 3, output_per_mtok: 40}, joules: {prompt_per_mtok: 900, output_per_mtok: 12000}}}""",
)


@pytest.mark.parametrize(
    ("budget", "price"),  # in quanta of a prompt token and of an output token
    [
        ("1e12 FLOPs", (2_000_000, 2_000_000)),
        ("0.01 USD", (250_000, 1_000_000)),
        ("0.2 GPU-seconds", (3, 40)),
        ("50 joules", (900, 12_000)),
        ("20000 tokens", (1, 1)),
    ],
)
def test_a_budget_may_be_in_any_unit_that_is_priced(
    trained: House, tmp_path: Path, budget: str, price: tuple[int, int]
) -> None:
    """Nothing is trained anew: other prices make no other answers."""
    strategies = tmp_path / "priced.yaml"
    strategies.write_text(PRICED, encoding="utf-8")
    out = tmp_path / "out"
    trained.run("run", trained.folder / "tasks.jsonl", "--strategies", strategies, "--budget", budget, "--out", out)
    decisions = read_lines(out / "decisions.jsonl")
    own = [line for line in decisions if line["answered_with"] is None]
    tokens = [(int(str(line["prompt_tokens"])), int(str(line["output_tokens"]))) for line in own]
    with session_scope(trained.database) as session:
        found = session.execute(text("SELECT unit, spent, cap FROM budget ORDER BY id DESC LIMIT 1")).one()
    assert found.unit == budget.split()[1]
    assert found.spent == sum(price[0] * prompt + price[1] * output for prompt, output in tokens)
    assert 0 < found.spent <= found.cap


def test_a_unit_without_a_price_is_named_with_what_to_declare(trained: House) -> None:
    words = ("submit", trained.folder / "tasks.jsonl", *trained.strategies)
    said = trained.run(*words, "--budget", "5 joules", expect=ExitCode.USAGE)
    assert "--budget is in joules, in which small and 1 more" in said
    assert "state it in tokens, or declare prices in joules under `tariff:`" in said
    trained.run("budgets", "create", "energy", "5 joules")
    said = trained.run(*words, "--shared-budget", "energy", expect=ExitCode.BUDGET)
    assert "budget energy is in joules, in which small, large can not be priced: declare prices in joules" in said


def test_measured_prices_are_the_next_that_jobs_are_charged_and_earlier_jobs_keep_theirs(
    trained: House, tmp_path: Path
) -> None:
    strategies = tmp_path / "measured.yaml"
    strategies.write_text(PRICED.replace("parameters:", "rated_watts: 40, parameters:"), encoding="utf-8")
    words = (trained.folder / "tasks.jsonl", "--strategies", strategies, "--budget", "1000 joules", "--out")
    trained.run("run", *words, tmp_path / "before")
    trained.run("strategies", "measure", strategies)
    trained.run("run", *words, tmp_path / "after")
    query = text("SELECT strategy_ids FROM job ORDER BY id DESC LIMIT 2")
    with session_scope(trained.database) as session:
        after, before = (
            read_strategies(session, strategy_ids=row.strategy_ids) for row in session.execute(query).all()
        )
    for old, new in zip(before, after, strict=True):
        assert (old.tariff["version"], new.tariff["version"]) == (1, 2)
        assert new.version > old.version
        assert old.tariff["prices"]["joules"] == {"prompt": "900", "output": "12000"}
        assert new.tariff["prices"]["joules"] != old.tariff["prices"]["joules"]
        assert new.tariff["prices"]["USD"] == old.tariff["prices"]["USD"]
        assert "rated at 40 W" in new.tariff["sources"]["joules"]


AWAY = """
  - {name: judge, engine: far, decoding: {method: direct, max_tokens: 40}}
"""
FAR = """
  far: {kind: openai, base_url: "http://127.0.0.1:9/v1", model: m, parameters: 1000, description: away}
strategies:"""


def test_a_run_whose_judge_can_not_be_reached_leaves_its_answers_where_they_belong(
    trained: House, tmp_path: Path
) -> None:
    (tmp_path / "three.yaml").write_text(STRATEGIES.replace("\nstrategies:", FAR) + AWAY.lstrip("\n"), encoding="utf-8")
    change = partial(append_change, tenant_id="default", name="judge", mode=StrategyMode.DISABLED)
    run_in_transaction(trained.database, partial(change, changed_by="ada", reason="it only judges"))
    rubric = {"kind": "judge", "reference": "says it"}
    asked = make_tasks(TASKS, grader=rubric, body=lambda n: {"messages": [{"role": "user", "content": f"say it {n}"}]})
    (tmp_path / "judged.jsonl").write_text("".join(f"{task.payload}\n" for task in asked), encoding="utf-8")
    options = ("--budget", ENOUGH, "--out", tmp_path / "out", "--judge", "judge", "--judge-budget", ENOUGH)
    words = ("run", tmp_path / "judged.jsonl", "--strategies", tmp_path / "three.yaml")
    said = trained.run(*words, *options, expect=ExitCode.ENGINE)
    assert "engine far can not reach http://127.0.0.1:9/v1" in said
    assert "are not all judged: `apportion judge " in said
    assert len(read_lines(tmp_path / "out" / "results.jsonl")) == TASKS


def test_a_run_lets_a_judge_read_what_no_program_grades(trained: House, tmp_path: Path) -> None:
    rubric = {"kind": "judge", "reference": "says it"}
    asked = make_tasks(TASKS, grader=rubric, body=lambda n: {"messages": [{"role": "user", "content": f"say it {n}"}]})
    (tmp_path / "judged.jsonl").write_text("".join(f"{task.payload}\n" for task in asked), encoding="utf-8")
    options = ("--budget", ENOUGH, "--out", tmp_path / "out", "--judge", "large", "--judge-budget", ENOUGH)
    said = trained.run("run", tmp_path / "judged.jsonl", *trained.strategies, *options)
    # The judge has no model: it repeats what it is asked, which is no verdict.
    assert f"0 answers judged; {TASKS} got no verdict that can be read" in said
    assert "judging" in trained.run("status")
