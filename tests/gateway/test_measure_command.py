"""`apportion strategies measure`: what it writes, and what keeps it from writing."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.exit_codes import ExitCode
from router.units import Unit
from tests.worker.fake_night import make_tasks
from worker.pool import read_strategy_file

STRATEGIES = """# ours
engines:
  echo:
    kind: echo
    model: echo
    description: no model
    rated_watts: 50
    options: {concurrency: 4, delay_seconds: 0.001}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
  - name: large
    engine: echo
    decoding: {method: direct, max_tokens: 40}
    tariff: {joules: {prompt_per_mtok: 1, output_per_mtok: 2}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "strategies.yaml"
    path.write_text(STRATEGIES, encoding="utf-8")
    return path


def measure(*words: object) -> Result:
    return CliRunner().invoke(app, ["strategies", "measure", *map(str, words)])


def test_the_file_gets_the_next_version_each_time(file: Path) -> None:
    for version in (2, 3):
        result = measure(file)
        assert result.exit_code == ExitCode.DONE, result.output
        assert f"version {version}" in result.stdout
        assert "rated at 50 W" in result.stdout
        assert "large declares a price of its own in joules, which stays" in result.stdout
        small, large = read_strategy_file(file).strategies
        assert small.tariff.version == large.tariff.version == version
        assert set(small.tariff.prices) == {Unit.GPU_SECONDS, Unit.JOULES}
        assert small.tariff.prices[Unit.GPU_SECONDS] == large.tariff.prices[Unit.GPU_SECONDS]
    assert file.read_text(encoding="utf-8").startswith("# ours\nengines:\n  echo:\n    kind: echo\n    tariff:\n")


def test_another_file_is_written_where_it_is_asked_for_and_json_says_what(file: Path) -> None:
    out = file.with_name("measured.yaml")
    result = measure(file, "--out", out, "--json")
    assert result.exit_code == ExitCode.DONE, result.output
    said = json.loads(result.stdout)
    (engine,) = said["engines"]
    assert said["file"] == str(out)
    assert (engine["engine"], engine["version"], engine["accelerators"]) == ("echo", 2, 1)
    assert engine["power_source"] == "rated at 50 W"
    assert [wave["requests"] for wave in engine["waves"]] == [4] * 4 + [2] * 4
    assert engine["tariff"]["GPU-seconds"]["source"].startswith("apportion strategies measure: seconds of the engine")
    assert file.read_text(encoding="utf-8") == STRATEGIES
    assert read_strategy_file(out).strategies[0].tariff.version == 2


def test_a_link_goes_on_being_one(file: Path) -> None:
    link = file.with_name("link.yaml")
    link.symlink_to(file)
    assert measure(link).exit_code == ExitCode.DONE
    assert link.is_symlink()
    assert read_strategy_file(file).strategies[0].tariff.version == 2


def test_own_prompts_are_asked(file: Path) -> None:
    asked = make_tasks(4, body=lambda number: {"messages": [{"role": "user", "content": "say " * 3**number}]})
    tasks = file.with_name("tasks.jsonl")
    tasks.write_text("".join(f"{task.payload}\n" for task in asked), encoding="utf-8")
    result = measure(file, "--prompts", tasks, "--json")
    assert result.exit_code == ExitCode.DONE, result.output
    waves = json.loads(result.stdout)["engines"][0]["waves"]
    assert {wave["prompt_tokens"] for wave in waves} == {2 * (1 + 3), 2 * (9 + 27), 1 + 3, 9 + 27}


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (("rated_watts: 50", ""), ExitCode.ENGINE, "nothing tells what engine echo draws"),
        (("kind: echo", "kind: ecco"), ExitCode.STRATEGIES, "'ecco' is not known"),
        (("rated_watts: 50", "rated_watts: lots"), ExitCode.STRATEGIES, "rated_watts: must be a number"),
        (
            ("kind: echo\n    model: echo", "kind: openai\n    model: m\n    base_url: 'http://127.0.0.1:9/v1'"),
            ExitCode.ENGINE,
            "engine echo",
        ),
    ],
)
def test_what_can_not_be_measured_changes_nothing(
    file: Path, change: tuple[str, str], code: ExitCode, says: str
) -> None:
    text = STRATEGIES.replace(*change).replace("    options: {concurrency: 4, delay_seconds: 0.001}\n", "")
    file.write_text(text, encoding="utf-8")
    result = measure(file)
    assert (result.exit_code, says in " ".join(result.stderr.split())) == (code, True), result.output
    assert file.read_text(encoding="utf-8") == text


def test_bad_paths_are_named(file: Path) -> None:
    gone = measure(file.with_name("gone.yaml"))
    assert (gone.exit_code, "no such strategy file" in gone.stderr) == (ExitCode.STRATEGIES, True)
    folder = measure(file, "--out", file.parent)
    assert (folder.exit_code, "is a folder; name the file to write" in folder.stderr) == (ExitCode.USAGE, True)
    in_the_way = measure(file, "--out", file / "out.yaml")
    assert in_the_way.exit_code == ExitCode.OUTPUT
    prompts = measure(file, "--prompts", file.with_name("gone.jsonl"))
    assert (prompts.exit_code, "no such file" in prompts.stderr) == (ExitCode.JOB_FILE, True)
