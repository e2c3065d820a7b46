"""The engines of the fault suite do what their script says, in process and over HTTP alike."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.generation import Completion, GenerationRequest, Message
from router.strategy import EngineKind, EngineSpec
from tests.faults.faulty_engine import FaultyEngine
from tests.faults.script import Fault, FaultKind, Script, read_script
from tests.faults.stub_engine import run_stub_engine
from tests.waiting import wait_until
from tests.worker.engines.engine_front import MODEL
from worker.engines.errors import (
    EngineDied,
    EngineError,
    EngineUnavailable,
    PromptRefused,
    UsageImpossible,
    UsageMissing,
)
from worker.engines.openai_engine import OpenAIEngine
from worker.engines.protocol import Engine

CHECKOUT = Path(__file__).parent.parent.parent
Serve = Callable[[Script], Engine]

CRASHING = """
import asyncio
from tests.faults.faulty_engine import FaultyEngine
from tests.faults.script import Fault, FaultKind, Script
from tests.faults.test_faulty_engines import ask
asyncio.run(FaultyEngine("own", Script(faults=(Fault(kind=FaultKind.CRASH),))).generate(ask("task-1")))
"""


def ask(prompt: str) -> GenerationRequest:
    return GenerationRequest(messages=(Message(role="user", content=prompt),), max_tokens=8)


def script_of(kind: FaultKind, **fields: object) -> Script:
    return Script(faults=(Fault(kind=kind, **fields),))  # type: ignore[arg-type]  # fields by name


@pytest.fixture(params=["in process", "over HTTP"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Both ways to have a faulty engine."""
    if request.param == "in process":
        yield lambda script: FaultyEngine("own", script)
        return
    with run_stub_engine(Script(), folder=tmp_path) as stub:

        def serve_script(script: Script) -> Engine:
            script.write(tmp_path / "script.json")
            stub.start()
            return connect(stub.base_url)

        yield serve_script


def connect(base_url: str) -> OpenAIEngine:
    spec = EngineSpec(name="far", kind=EngineKind.OPENAI, model=MODEL, description="", base_url=base_url)
    return OpenAIEngine(spec)


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Engine]:
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def generate(engine: Engine, *prompts: str) -> list[Completion | BaseException]:
    async with running(engine):
        return await asyncio.gather(*(engine.generate(ask(prompt)) for prompt in prompts), return_exceptions=True)


def test_a_script_is_read_as_it_was_written(tmp_path: Path) -> None:
    script = Script(faults=(Fault(kind=FaultKind.HANG, share=0.5, prompts="task-1"),), answer="no", seed=3)
    script.write(tmp_path / "script.json")
    assert read_script(tmp_path / "script.json") == script


def test_without_a_fault_it_answers(serve: Serve) -> None:
    engine = serve(Script(answer="no", output_tokens=2, longest_delay_seconds=0.001))
    wanted = Completion(texts=("no",), finish_reasons=("stop",), prompt_tokens=5, output_tokens=2)
    assert asyncio.run(generate(engine, "task-1")) == [wanted]


@pytest.mark.parametrize(
    ("kind", "error", "charged"),
    [
        (FaultKind.BUSY, EngineUnavailable, False),
        (FaultKind.ERROR, EngineUnavailable, True),
        (FaultKind.UNCOUNTED, UsageMissing, True),
        (FaultKind.REFUSE, PromptRefused, False),
    ],
)
def test_a_fault_is_told_as_real_engines_tell_it(
    serve: Serve, kind: FaultKind, error: type[EngineError], charged: bool
) -> None:
    good, bad = asyncio.run(generate(serve(script_of(kind, prompts="task-2$")), "task-1", "task-2"))
    assert isinstance(good, Completion)
    assert type(bad) is error
    assert isinstance(bad, EngineError)
    assert bad.charged is charged


def test_an_overrun_counts_more_than_was_allowed_and_a_server_is_not_believed(tmp_path: Path) -> None:
    (completion,) = asyncio.run(generate(FaultyEngine("own", script_of(FaultKind.OVERRUN)), "task-1"))
    assert isinstance(completion, Completion)
    assert completion.output_tokens == 9
    with run_stub_engine(script_of(FaultKind.OVERRUN), folder=tmp_path) as stub:
        (lie,) = asyncio.run(generate(connect(stub.base_url), "task-1"))
    assert isinstance(lie, UsageImpossible)


def test_a_hung_request_never_ends(serve: Serve) -> None:
    async def hang() -> None:
        async with running(serve(script_of(FaultKind.HANG))) as engine, asyncio.timeout(0.5):
            await engine.generate(ask("task-1"))

    with pytest.raises(TimeoutError):
        asyncio.run(hang())


def test_a_share_of_the_requests_is_met(serve: Serve) -> None:
    ends = asyncio.run(generate(serve(script_of(FaultKind.REFUSE, share=0.5)), *map(str, range(64))))
    assert {type(end) for end in ends} == {Completion, PromptRefused}


def test_a_dead_engine_stays_dead() -> None:
    engine = FaultyEngine("own", script_of(FaultKind.DIE, prompts="task-1"))
    ends = [asyncio.run(generate(engine, prompt))[0] for prompt in ("task-0", "task-1", "task-2")]
    assert [type(end) for end in ends] == [Completion, EngineDied, EngineDied]


def test_a_crash_takes_the_process(tmp_path: Path) -> None:
    own = subprocess.run([sys.executable, "-c", CRASHING], cwd=CHECKOUT, check=False)
    assert own.returncode == -9
    with run_stub_engine(script_of(FaultKind.CRASH, prompts="task-1"), folder=tmp_path) as stub:
        address = stub.base_url
        (lost,) = asyncio.run(generate(connect(address), "task-1"))
        assert isinstance(lost, EngineUnavailable)
        assert lost.charged
        wait_until(stub.has_crashed)
        stub.start()
        (answered,) = asyncio.run(generate(connect(address), "task-2"))
        assert isinstance(answered, Completion)
