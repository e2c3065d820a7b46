"""The commands with a server in their settings: the same words, asked over HTTP."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.exit_codes import ExitCode
from tests.gateway.api.given_keys import give_key
from tests.gateway.api.listening import listen
from tests.gateway.api.office import Office
from tests.gateway.api.trained import write_lines

ENOUGH = ("--budget", "100000 tokens")
TASKS = 12


@pytest.fixture(scope="module")
def address(office: Office) -> Iterator[str]:
    """Of a server that answers batches."""
    with listen(office.door) as url:
        yield url


@pytest.fixture
def folder(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are typed that know the server, and no database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPORTION_API_URL", f"{address}/v1/")
    monkeypatch.setenv("APPORTION_DATA_DIRECTORY", str(tmp_path / "untouched"))
    monkeypatch.setenv("COLUMNS", "160")
    Path("tasks.jsonl").write_bytes(write_lines(TASKS))
    return tmp_path


def invoke(*words: str, expect: ExitCode = ExitCode.DONE) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == expect, result.output
    return result


def ask(*words: str) -> Any:
    """What the command prints with --json."""
    return json.loads(invoke(*words, "--json").stdout)


def test_a_job_is_submitted_watched_and_read(folder: Path) -> None:
    batch = ask("submit", "tasks.jsonl", *ENOUGH, "--priority", "3", "--deadline", "+2d")
    assert batch["status"] in {"in_progress", "finalizing", "completed"}
    said = invoke("continue", batch["id"], "--out", "out").stdout
    assert f"{TASKS} of {TASKS}, 0 with an error" in said
    lines = Path("out/results.jsonl").read_text(encoding="utf-8")
    assert len(lines.splitlines()) == TASKS
    assert Path("out/errors.jsonl").read_text(encoding="utf-8") == ""
    assert invoke("results", batch["id"]).stdout == lines
    assert invoke("results", batch["id"], "--errors").stdout == ""
    assert ask("status", batch["id"])["request_counts"]["completed"] == TASKS
    assert batch["id"] in [listed["id"] for listed in ask("status")]
    assert batch["id"] in invoke("status").stdout
    assert "completed" in invoke("status", batch["id"]).stdout
    assert not (folder / "untouched").exists()


def test_run_writes_the_files_and_says_what_was_spent(folder: Path) -> None:
    batch = ask("run", "tasks.jsonl", "--out", "out", "--budget", "25%")
    assert batch["status"] == "completed"
    assert batch["spent"]["amount"] > 0
    assert len(Path("out/results.jsonl").read_text(encoding="utf-8").splitlines()) == TASKS


def test_what_is_wrong_with_a_file_or_a_budget_has_its_exit_code(folder: Path) -> None:
    Path("bad.jsonl").write_bytes(write_lines(1) + b"{\n")
    assert "line 2: not JSON" in invoke("submit", "bad.jsonl", *ENOUGH, expect=ExitCode.JOB_FILE).stderr
    invoke("submit", "gone.jsonl", *ENOUGH, expect=ExitCode.JOB_FILE)
    invoke("submit", "tasks.jsonl", "--budget", "1 token", expect=ExitCode.BUDGET)
    deferred = ask("submit", "tasks.jsonl", "--budget", "1 token", "--deferral", "most-valuable")
    assert ask("continue", deferred["id"])["skipped_budget"] == TASKS
    invoke("submit", "tasks.jsonl", "--shared-budget", "none", expect=ExitCode.USAGE)
    invoke("submit", "tasks.jsonl", expect=ExitCode.USAGE)
    assert (
        "leave out --strategies"
        in invoke("submit", "tasks.jsonl", *ENOUGH, "--strategies", "mine.yaml", expect=ExitCode.USAGE).stderr
    )
    invoke("status", "batch_none", expect=ExitCode.NOT_FOUND)


def test_plans_are_those_of_the_server(folder: Path) -> None:
    plan = ask("plan", "tasks.jsonl")
    assert plan["tasks"] == TASKS
    said = invoke("plan", "tasks.jsonl", "--out", "plan.svg").stdout
    assert re.search(r"patient +", said)
    assert Path("plan.svg").exists()


def test_budgets_are_those_of_the_tenant(folder: Path) -> None:
    assert "draws on it" in invoke("budgets", "create", "a team", "5000 tokens").stdout
    assert "6,000 tokens" in invoke("budgets", "raise", "a team", "1000 tokens").stdout
    assert ask("budgets", "lower", "a team", "2000 tokens")["cap"] == 4000
    assert [budget["cap"] for budget in ask("budgets", "list") if budget["name"] == "a team"] == [4000]
    assert "a team" in invoke("budgets", "list").stdout
    invoke("budgets", "raise", "none", "1 token", expect=ExitCode.NOT_FOUND)


def test_labels_go_to_the_server(folder: Path) -> None:
    batch = ask("run", "tasks.jsonl", "--out", "out", *ENOUGH)
    Path("labels.jsonl").write_text('{"custom_id": "task-1", "correct": 1}\n', encoding="utf-8")
    assert ask("feedback", batch["id"], "labels.jsonl")["new"] == 1
    assert "0 labels stored; 1 were known already" in invoke("feedback", batch["id"], "labels.jsonl").stdout


def test_strategies_and_predictors_are_listed(folder: Path) -> None:
    assert {own["name"] for own in ask("strategies", "list")} == {"small", "large", "patient"}
    assert "patient" in invoke("strategies", "list").stdout
    assert {own["strategy"] for own in ask("predictors", "list")} == {"small", "large", "patient"}
    assert "champion" in invoke("predictors", "list").stdout


def test_strategies_are_turned_at_the_server(folder: Path) -> None:
    turned = ask("strategies", "shadow", "patient", "--reason", "dear")
    assert (turned["name"], turned["mode"], turned["mode_change"]["reason"]) == ("patient", "shadow", "dear")
    assert "jobs that are submitted from now on use it" in invoke("strategies", "enable", "patient").stdout
    assert "no strategy nobody" in invoke("strategies", "disable", "nobody", expect=ExitCode.NOT_FOUND).stderr


def test_a_predictor_says_why_it_serves(folder: Path) -> None:
    newest = ask("predictors", "list")[0]
    shown = ask("predictors", "show", str(newest["id"]))
    assert (shown["strategy"], shown["state"], shown["trial"]) == (newest["strategy"], "champion", None)
    said = invoke("predictors", "show", str(newest["id"])).stdout
    assert f"# {newest['strategy']}, version 1: champion" in said
    assert "the report is in" in invoke("predictors", "show", str(newest["id"]), "--output", "why").stdout
    assert Path("why/report.md").read_text(encoding="utf-8").splitlines()[0] == said.splitlines()[0]
    invoke("predictors", "show", "999", expect=ExitCode.NOT_FOUND)


@pytest.mark.parametrize(
    "words",
    [
        ("report", "batch_1"),
        ("train", "--strategies", "s.yaml"),
        ("calibrate", "tasks.jsonl", "--strategies", "s.yaml"),
        ("probe", "tasks.jsonl", "--strategies", "s.yaml", "--strategy", "a"),
        ("predictors", "promote", "1"),
        ("predictors", "rollback", "small"),
    ],
)
def test_what_a_server_is_not_asked_for_says_what_to_do(folder: Path, words: tuple[str, ...]) -> None:
    said = invoke(*words, expect=ExitCode.USAGE).stderr
    assert "servers are not asked for this" in said
    assert "unset it to work on the database" in said


def test_nobody_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("APPORTION_API_URL", f"http://127.0.0.1:{port}")
    assert "is `apportion serve` running there?" in invoke("status", expect=ExitCode.SERVER).stderr


@pytest.fixture
def key(quiet_office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a server that knows its callers by keys, and whose engines never come."""
    monkeypatch.chdir(tmp_path)
    given = give_key(quiet_office.door, tenant="default")
    with listen(quiet_office.door) as url:
        monkeypatch.setenv("APPORTION_API_URL", url)
        yield given.key


def test_keys_come_from_the_environment_or_a_file(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "APPORTION_API_KEY" in invoke("status", expect=ExitCode.KEY).stderr
    monkeypatch.setenv("APPORTION_API_KEY", "wrong")
    invoke("status", expect=ExitCode.KEY)
    monkeypatch.delenv("APPORTION_API_KEY")
    Path("key").write_text(f"{key}\n", encoding="utf-8")
    monkeypatch.setenv("APPORTION_API_KEY_FILE", "key")
    invoke("status")
    monkeypatch.setenv("APPORTION_API_KEY_FILE", "none")
    invoke("status", expect=ExitCode.USAGE)


def test_a_batch_is_cancelled(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPORTION_API_KEY", key)
    Path("tasks.jsonl").write_bytes(write_lines(TASKS))
    batch = ask("submit", "tasks.jsonl", *ENOUGH)
    assert "a server writes files at the end" in invoke("results", batch["id"], expect=ExitCode.NOT_FOUND).stderr
    assert "has what was answered" in invoke("cancel", batch["id"]).stdout
    assert ask("continue", batch["id"])["status"] == "cancelled"
    assert invoke("results", batch["id"], "--errors").stdout.count('"batch_cancelled"') == TASKS


def test_a_batch_is_paused_and_goes_on(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPORTION_API_KEY", key)
    Path("tasks.jsonl").write_bytes(write_lines(TASKS))
    batch = ask("submit", "tasks.jsonl", *ENOUGH)
    assert not batch["paused"]
    assert ask("pause", batch["id"])["paused"]
    assert "in_progress, paused" in invoke("status", batch["id"]).stdout
    assert "goes on" in invoke("unpause", batch["id"]).stdout
    assert not ask("status", batch["id"])["paused"]
    invoke("pause", "batch_none", expect=ExitCode.NOT_FOUND)
    invoke("cancel", batch["id"])
    assert ask("continue", batch["id"])["status"] == "cancelled"
    assert "is cancelled: it is paused and unpaused" in invoke("pause", batch["id"], expect=ExitCode.USAGE).stderr


def test_a_judge_is_asked_for_as_well(folder: Path) -> None:
    words = ("run", "tasks.jsonl", "--out", "out", *ENOUGH, "--judge")
    assert ask(*words, "large", "--judge-budget", "5000 tokens")["status"] == "completed"
    unknown = invoke(*words, "nobody", expect=ExitCode.USAGE)
    assert "there is no strategy nobody" in unknown.output
    judged = ask("submit", "tasks.jsonl", *ENOUGH, "--judge", "large")
    assert ask("continue", judged["id"])["status"] == "completed"
    assert (
        "no strategy nobody"
        in invoke("submit", "tasks.jsonl", *ENOUGH, "--judge", "nobody", expect=ExitCode.USAGE).output
    )
