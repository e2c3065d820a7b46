"""The command as a person meets it: messages and exit codes for what can go wrong, and the quick commands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.exit_codes import ExitCode

REMOTE = """
engines:
  big:
    {kind: openai, base_url: "http://127.0.0.1:9/v1", model: some/model, parameters: 7600000000, description: large}
strategies:
  - {name: direct, engine: big, decoding: {method: direct, max_tokens: 48}}
"""
MISSING = """
engines:
  small: {kind: local, model: "package:no-such-weights", description: not on this machine}
strategies:
  - {name: direct, engine: small, decoding: {method: direct, max_tokens: 48}}
"""
LINE = {
    "custom_id": "a",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "auto", "messages": [{"role": "user", "content": "How much is 1 + 1?"}]},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    """Where the command is typed: a job file, a strategy file, and a database of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    Path("night.jsonl").write_text(json.dumps(LINE) + "\n", encoding="utf-8")
    Path("strategies.yaml").write_text(REMOTE, encoding="utf-8")
    return tmp_path


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def run(*options: str) -> Result:
    return invoke("run", "night.jsonl", "--strategies", "strategies.yaml", "--out", "out", *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give exactly one of --budget, --weight, --target-accuracy, --shared-budget: got none of them"),
        (("--budget", "25%", "--weight", "0.5"), "got --budget and --weight"),
        (("--weight", "1.5"), "--weight is 1.5: it is a number from 0 to 1"),
        (("--budget", "12 apples"), "unknown unit 'apples'"),
    ],
)
def test_an_objective_that_can_not_be_read(folder: Path, options: tuple[str, ...], message: str) -> None:
    result = run(*options)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr


def test_a_budget_in_a_unit_without_prices_is_refused_at_once(folder: Path) -> None:
    result = run("--budget", "5 USD")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == (
        "error: --budget is in USD, in which direct of strategies.yaml can not be priced: state it in FLOPs or tokens, "
        "or declare prices in USD under `tariff:`\n"
    )
    assert result.stdout == ""  # nothing was begun


def test_a_bad_job_file_lists_its_problems_and_leaves_nothing(folder: Path) -> None:
    Path("night.jsonl").write_text("{\n" + json.dumps(LINE | {"method": "GET"}), encoding="utf-8")
    result = run("--budget", "25%")
    assert result.exit_code == ExitCode.JOB_FILE
    assert "night.jsonl:1: not JSON" in result.stderr
    assert 'night.jsonl:2: method: is "GET"; write "POST"' in result.stderr
    assert not Path("out").exists()


def test_no_strategy_file_and_an_empty_one(folder: Path) -> None:
    Path("strategies.yaml").write_text("", encoding="utf-8")
    assert run("--budget", "25%").exit_code == ExitCode.STRATEGIES
    Path("strategies.yaml").unlink()
    result = run("--budget", "25%")
    assert result.exit_code == ExitCode.STRATEGIES
    assert "strategies.yaml: no such strategy file" in result.stderr


def test_an_output_folder_that_can_not_be_made(folder: Path) -> None:
    Path("out").write_text("a file", encoding="utf-8")
    result = run("--budget", "25%")
    assert result.exit_code == ExitCode.OUTPUT
    assert "output folder out: a file is in its way" in result.stderr


def test_missing_weights_name_the_package(folder: Path) -> None:
    Path("strategies.yaml").write_text(MISSING, encoding="utf-8")
    result = run("--budget", "25%")
    assert result.exit_code == ExitCode.ENGINE
    assert "no-such-weights" in result.stderr


@pytest.mark.parametrize("command", [("continue", "7"), ("report", "7"), ("status", "7")])
def test_a_job_that_is_not_there(folder: Path, command: tuple[str, ...]) -> None:
    result = invoke(*command)
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "there is no job 7" in result.stderr


def test_training_needs_outcomes(folder: Path) -> None:
    result = invoke("train", "--strategies", "strategies.yaml")
    assert result.exit_code == ExitCode.UNTRAINED
    assert "apportion calibrate" in result.stderr


def test_a_moment_to_train_up_to_is_read_and_is_over(folder: Path) -> None:
    unread = invoke("train", "--strategies", "strategies.yaml", "--cutoff", "yesterday")
    assert unread.exit_code == ExitCode.USAGE
    assert "--cutoff is 'yesterday': write" in unread.stderr
    ahead = invoke("train", "--strategies", "strategies.yaml", "--cutoff", "2100-01-01T00:00+01:00")
    assert ahead.exit_code == ExitCode.USAGE
    assert "the cutoff 2099-12-31T23:00:00+00:00 is later than" in ahead.stderr


def test_calibration_needs_graders(folder: Path) -> None:
    result = invoke("calibrate", "night.jsonl", "--strategies", "strategies.yaml")
    assert result.exit_code == ExitCode.JOB_FILE
    assert "night.jsonl: 1 tasks have no grader, or a judge's, the first is a" in result.stderr


@pytest.mark.parametrize("engine", ["api_key_env: NO_SUCH_KEY, ", ""])
def test_a_calibration_whose_engine_does_not_start_is_not_stored(folder: Path, engine: str) -> None:
    Path("strategies.yaml").write_text(REMOTE.replace("{kind: openai, ", f"{{kind: openai, {engine}"), encoding="utf-8")
    graded = LINE | {"grader": {"kind": "numeric", "reference": 2}}
    Path("graded.jsonl").write_text(json.dumps(graded) + "\n", encoding="utf-8")
    result = invoke("calibrate", "graded.jsonl", "--strategies", "strategies.yaml")
    assert result.exit_code == (ExitCode.USAGE if engine else ExitCode.ENGINE)
    assert ("NO_SUCH_KEY" if engine else "can not reach http://127.0.0.1:9/v1") in result.stderr
    assert "no jobs yet" in invoke("status").stdout


def test_status_of_an_empty_database(folder: Path) -> None:
    result = invoke("status")
    assert result.exit_code == ExitCode.DONE
    assert "no jobs yet" in result.stdout


def test_strategies_are_listed_with_prices(folder: Path) -> None:
    result = invoke("strategies", "list", "--strategies", "strategies.yaml")
    assert result.exit_code == ExitCode.DONE
    assert "direct" in result.stdout
    assert "FLOPs" in result.stdout


def test_prices_are_whole_on_80_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    voting = "{method: self_consistency, n: 5, base: {method: program_of_thought, max_tokens: 20}}"
    priced = "tariff: {USD: {prompt_per_mtok: 0.1, output_per_mtok: 0.3}}"
    more = f"  - {{name: qwen-votes-of-5, engine: big, {priced}, decoding: {voting}}}\n"
    Path("strategies.yaml").write_text(REMOTE.replace("big", "qwen2.5-7b") + more.replace("big", "qwen2.5-7b"))
    result = invoke("strategies", "list", "--strategies", "strategies.yaml")
    assert result.exit_code == ExitCode.DONE
    heading, _, plain, *_ = result.stdout.splitlines()
    assert heading.split() == ["strategy", "engine", "method", "longest", "1e12", "FLOPs", "1e-6", "USD", "needs"]
    assert plain.split() == ["direct", "qwen2.5-7b", "direct", "48", "16.72", "\N{EN DASH}", "\N{EN DASH}"]
    assert "130.00" in result.stdout
    assert "\N{HORIZONTAL ELLIPSIS}" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_prices_in_many_units_take_the_place_of_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    price = "{prompt_per_mtok: 2000, output_per_mtok: 4000}"
    tariff = f"tariff: {{GPU-seconds: {price}, joules: {price}}}"
    Path("strategies.yaml").write_text(REMOTE.replace("max_tokens: 48}", f"max_tokens: 48}}, {tariff}"))
    result = invoke("strategies", "list", "--strategies", "strategies.yaml")
    heading, _, plain, *_ = result.stdout.splitlines()
    assert heading.split() == ["strategy", "engine", "method", "longest", "1e12", "FLOPs", "GPU-seconds", "joules"]
    assert plain.split() == ["direct", "big", "direct", "48", "16.72", "2.40", "2.40"]


def test_help_is_quick_and_names_every_command() -> None:
    heavy = "{'torch', 'sqlalchemy', 'matplotlib', 'numba'}"
    code = f"import sys; import gateway.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    listed = invoke("--help").stdout
    assert "run" in listed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("status", "batch_1"), "batch_1 is a batch of a server: name that in APPORTION_API_URL"),
        (("cancel", "seven"), "'seven' is no job's number"),
        (("submit", "night.jsonl", "--budget", "25%"), "name the strategy file with --strategies"),
        (("worker", "router"), "APPORTION_BROKER_URL is not set"),
    ],
)
def test_what_can_not_be_done_here_says_why(folder: Path, words: tuple[str, ...], message: str) -> None:
    result = invoke(*words)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--strategies", "strategies.yaml", "engine.small"), "has no engine small: it has big"),
        (("engine.big",), "needs the strategy file"),
        (("cook",), "there is no queue cook"),
    ],
)
def test_a_worker_that_could_do_nothing_is_refused(
    folder: Path, words: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPORTION_BROKER_URL", "redis://127.0.0.1:9/0")
    result = invoke("worker", *words)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr


@pytest.mark.parametrize("words", [("status",), ("budgets", "list"), ("keys", "list"), ("predictors", "list")])
def test_empty_lists_are_json_too(folder: Path, words: tuple[str, ...]) -> None:
    assert json.loads(invoke(*words, "--json").stdout) == []


def test_keys_budgets_and_strategies_as_json(folder: Path) -> None:
    key = json.loads(invoke("keys", "create", "night", "--json").stdout)
    assert key["key"] not in invoke("keys", "list", "--json").stdout
    assert json.loads(invoke("keys", "revoke", key["id"], "--json").stdout) == {"id": key["id"], "revoked": True}
    assert json.loads(invoke("budgets", "create", "team", "900 tokens", "--json").stdout)["cap"] == 900
    (own,) = json.loads(invoke("strategies", "list", "--strategies", "strategies.yaml", "--json").stdout)
    assert own["strategy"] == "direct"
    assert own["prices"]["tokens"] == 1100


def test_a_reader_that_leaves_does_not_stop_the_work() -> None:
    code = """
import os
from gateway.console import CommandConsole
console = CommandConsole()
for number in range(20_000):
    console.print("line", number)
os.write(2, b"worked to the end")
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.readline()
        writer.stdout.close()
        assert writer.stderr.read() == b"worked to the end"
    assert writer.returncode == 0
