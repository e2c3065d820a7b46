"""Engines as processes: what is chosen where vLLM is missing, and what is left when somebody is killed."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from router.generation import GenerationRequest, Message
from router.strategy import EngineKind, EngineSpec
from tests.waiting import wait_until
from tests.worker.engines.conftest import local_spec
from tests.worker.engines.engine_loop import EngineLoop
from worker.engines.errors import EngineDied, OutOfMemory
from worker.engines.prompt_counter import PromptCounter
from worker.engines.vllm_engine import VllmEngine
from worker.weights import ModelFolder

CHECKOUT = Path(__file__).parents[3]
LONG = GenerationRequest(messages=(Message(role="user", content="Tell a long story."),), max_tokens=900)
SHORT = GenerationRequest(messages=(Message(role="user", content="Hello"),), max_tokens=2)


@contextmanager
def run_engine_command(folder: ModelFolder, log_dir: Path, *hidden: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a session of its own, killed at the end whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.worker.engines.engine_command", str(folder.path), str(log_dir), *hidden],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        try:
            yield command
        finally:
            command.kill()


def read_identity(command: "subprocess.Popen[str]") -> dict[str, str]:
    assert command.stdout is not None
    for line in command.stdout:
        if line.startswith("{"):
            identity: dict[str, str] = json.loads(line)
            return identity
    raise AssertionError("the command ended without saying who answers")


def list_spawned(pid: int) -> list[psutil.Process]:
    """The children that multiprocessing has started, vLLM not yet imported in them."""
    return [child for child in psutil.Process(pid).children() if "spawn_main" in read_command(child)]


def read_command(child: psutil.Process) -> str:
    """Its command line; empty where it has ended."""
    try:
        return " ".join(child.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def test_without_vllm_transformers_answers_and_says_why(folder: ModelFolder, tmp_path: Path) -> None:
    with run_engine_command(folder, tmp_path, "vllm") as command:
        identity = read_identity(command)
    assert identity["kind"] == "transformers"
    assert "vLLM can not be imported: No module named 'vllm" in identity["chosen_because"]
    assert identity["answer"] in {"yes", "no"}


def test_nothing_is_left_of_an_engine_whose_process_is_killed(folder: ModelFolder, tmp_path: Path) -> None:
    with run_engine_command(folder, tmp_path) as command:
        identity = read_identity(command)
        assert (identity["kind"], identity["chosen_because"]) == ("vllm", "vLLM is installed")
        family = psutil.Process(command.pid).children(recursive=True)
        engines = [process for process in family if "EngineCore" in process.name()]
        assert engines
        os.killpg(command.pid, signal.SIGINT)  # Ctrl-C in a terminal reaches the engine as well, which ignores it
        assert engines[0].is_running()
        command.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(process.is_running() for process in family), seconds=5)


@pytest.mark.slow
def test_nothing_is_left_of_an_engine_killed_while_it_starts(folder: ModelFolder, tmp_path: Path) -> None:
    with run_engine_command(folder, tmp_path) as command:
        wait_until(lambda: bool(list_spawned(command.pid)), seconds=120)
        spawned = list_spawned(command.pid)
        command.kill()
        wait_until(lambda: not any(process.is_running() for process in spawned), seconds=15)


@pytest.mark.slow
def test_a_dead_engine_process_is_noticed_and_replaced(
    engine_loop: EngineLoop, folder: ModelFolder, counter: PromptCounter, tmp_path: Path
) -> None:
    engine = VllmEngine(local_spec(EngineKind.VLLM), folder=folder, counter=counter, log_dir=tmp_path)
    before = set(psutil.Process().children(recursive=True))
    engine_loop.run(engine.start())
    started = set(psutil.Process().children(recursive=True)) - before
    running = asyncio.run_coroutine_threadsafe(engine.generate(LONG), engine_loop.loop)
    next(process for process in started if "EngineCore" in process.name()).kill()
    with pytest.raises(EngineDied, match=r"was killed .*memory.*its log: ") as raised:
        running.result(10)
    assert raised.value.charged
    with pytest.raises(EngineDied) as raised:
        engine_loop.run(engine.generate(SHORT))
    assert not raised.value.charged  # it was known to be dead
    identity = engine.identity()
    engine_loop.run(engine.stop())
    assert engine.identity() == identity  # outcomes of the dead one are settled while another is started
    engine_loop.run(engine.start())
    assert engine_loop.run(engine.generate(SHORT)).output_tokens == 2
    engine_loop.run(engine.stop())
    engine_loop.run(engine.stop())
    wait_until(lambda: not list_engines() - before, seconds=5)  # engines of other tests may live on


def list_engines() -> set[psutil.Process]:
    return {process for process in psutil.Process().children() if process.is_running() and "Engine" in process.name()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Unclosed context:ResourceWarning")  # vLLM's own, where its start fails
def test_vllm_that_can_not_start_says_why(
    engine_loop: EngineLoop, folder: ModelFolder, counter: PromptCounter, tmp_path: Path
) -> None:
    options = {"kv_cache_memory_bytes": 1 << 46}
    spec = EngineSpec(name="huge", kind=EngineKind.VLLM, model="m", description="", options=options)
    engine = VllmEngine(spec, folder=folder, counter=counter, log_dir=tmp_path)
    with pytest.raises(OutOfMemory, match=r"is less than requested memory for kv.*; lower max_num_seqs"):
        engine_loop.run(engine.start())
    engine_loop.run(engine.stop())
    gc.collect()
