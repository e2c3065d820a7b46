"""The commands as a user gives them: real model, real database, real files; and kill -9 in the middle."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.end_to_end_home import EXAMPLES, STRATEGIES, Home, read_jsonl, write_jsonl
from tests.waiting import wait_until
from tests.worker.postgres_folders import remove_folder

# Whole commands on a loaded machine: a minute for each.
pytestmark = pytest.mark.timeout(600)

RECORDING = EXAMPLES / "recorded_outcomes.jsonl"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """A home in which the example's strategies are calibrated, from the recording, and trained."""
    folder = Path(tempfile.mkdtemp(prefix="apportion-home-"))
    folder.chmod(0o755)  # root's database server runs as another user, who must reach its folder
    made = Home(folder, cache=Path(tempfile.gettempdir()) / "apportion-test-cache")
    made.run("calibrate", EXAMPLES / "calibration.jsonl", "--strategies", STRATEGIES, "--recording", RECORDING)
    assert "Training predictors: done; 10 of 10; " in made.run("train", "--strategies", STRATEGIES)
    yield made
    remove_folder(folder)


@pytest.fixture(scope="module")
def night() -> list[str]:
    """The example night's lines."""
    return (EXAMPLES / "night.jsonl").read_text(encoding="utf-8").splitlines()


def test_a_dozen_tasks_are_answered_within_the_budget_and_explained(home: Home, night: list[str]) -> None:
    out = home.folder / "dozen"
    tasks = write_jsonl(home.folder / "dozen.jsonl", night[:12])
    printed = home.run("run", tasks, "--budget", "50%", "--strategies", STRATEGIES, "--out", out)
    assert "12 of 12 answered" in printed
    results, decisions = read_jsonl(out / "results.jsonl"), read_jsonl(out / "decisions.jsonl")
    asked = {line.split('"custom_id": "')[1].split('"')[0] for line in night[:12]}
    assert {result["custom_id"] for result in results} == asked
    assert {decision["custom_id"] for decision in decisions} == asked
    assert read_jsonl(out / "errors.jsonl") == []
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 4
    assert not re.search(r'(src|href)="https?:', page)
    assert "every invariant holds" in home.run("doctor")


@pytest.mark.slow
def test_a_weight_and_a_target_are_other_ways_to_ask(home: Home, night: list[str]) -> None:
    tasks = write_jsonl(home.folder / "few.jsonl", night[12:18])
    for asked in (("--weight", "0.8"), ("--target-accuracy", "0.5")):
        out = home.folder / f"few{asked[0]}"
        home.run("run", tasks, *asked, "--strategies", STRATEGIES, "--out", out)
        assert len(read_jsonl(out / "results.jsonl")) == 6


def test_after_kill_9_nothing_is_lost_nothing_is_answered_twice_and_every_token_is_paid_for(
    home: Home, night: list[str]
) -> None:
    out = home.folder / "killed"
    tasks = write_jsonl(home.folder / "killed.jsonl", night[:48])
    command = home.start("run", tasks, "--budget", "80%", "--strategies", STRATEGIES, "--out", out)
    assert command.stdout is not None
    family: list[psutil.Process] = []
    for line in command.stdout:
        if re.match(r"Answering: [1-9]", line):  # something is settled, more is under way
            family = psutil.Process(command.pid).children(recursive=True)
            os.kill(command.pid, signal.SIGKILL)
            break
    command.communicate(timeout=60)
    assert command.returncode == -signal.SIGKILL
    wait_until(lambda: not any(map(_is_alive, family)))  # the engine's own process must not outlive us

    job_id = re.findall(r"^\s*(\d+)", home.run("status"), re.MULTILINE)[0]
    assert not (out / "results.jsonl").exists()
    printed = home.run("continue", job_id)
    assert "48 of 48 answered" in printed
    decisions = read_jsonl(out / "decisions.jsonl")
    assert sorted(str(decision["custom_id"]) for decision in decisions) == sorted(
        line.split('"custom_id": "')[1].split('"')[0] for line in night[:48]
    )
    assert "every invariant holds" in home.run("doctor")


def test_the_distributed_night_outlives_the_death_of_its_engine_worker(home: Home, night: list[str]) -> None:
    out = home.folder / "distributed"
    command = home.start_night(write_jsonl(home.folder / "distributed.jsonl", night[:16]), out=out)
    assert command.stdout is not None
    printed, engine, family = "", 0, list[psutil.Process]()
    for line in command.stdout:
        printed += line
        if found := re.search(r"engine-smollm2-135m\s+\(process\s+(\d+)\)", printed):
            engine = int(found[1])
        if re.match(r"Answering: [1-9]", line):  # something is settled, more is under way
            family = psutil.Process(command.pid).children(recursive=True)
            os.kill(engine, signal.SIGKILL)
            break
    rest, _ = command.communicate(timeout=240)
    assert command.returncode == 0, printed + rest
    assert "worker engine-smollm2-135m ended with exit code -9: starting it again" in rest
    answered, beyond = read_jsonl(out / "results.jsonl"), read_jsonl(out / "errors.jsonl")
    asked = sorted(line.split('"custom_id": "')[1].split('"')[0] for line in night[:16])
    assert sorted(str(row["custom_id"]) for row in (*answered, *beyond)) == asked
    assert "budget_exhausted" in str(beyond) or not beyond  # what was started and lost is paid for
    wait_until(lambda: not any(map(_is_alive, family)))
    assert "every invariant holds" in home.run("doctor")


def _is_alive(process: psutil.Process) -> bool:
    """A zombie is dead: a container's first process may never bury it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_budget_below_the_cheapest_total_is_refused_before_anything_is_stored(home: Home, night: list[str]) -> None:
    tasks = write_jsonl(home.folder / "poor.jsonl", night[:12])
    jobs = home.run("status")
    printed = home.run(
        "run", tasks, "--budget", "1e9 FLOPs", "--strategies", STRATEGIES, "--out", home.folder / "poor", expect=6
    )
    assert "smallest feasible budget is" in printed
    assert home.run("status") == jobs
    assert not (home.folder / "poor" / "results.jsonl").exists()
