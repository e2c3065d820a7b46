"""A night without models: strategies that cost and answer what a test says, on the real database."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Engine as Database

from db.jobs import read_job
from db.predictions import Predictions
from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from router.generation import Capability, Completion, GenerationRequest
from router.strategy_file import parse_strategies
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice
from router.units import Unit
from worker.bootstrap import build_doorbell
from worker.challengers import Tried
from worker.dispatcher import Assets, Dispatcher
from worker.doorbell import Doorbell
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineNotStarted
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad
from worker.engines.prompt_bound import PromptBound
from worker.engines.protocol import Engine
from worker.heartbeat import Heartbeat
from worker.objective import Mode, Objective, Totals
from worker.pool import PricedStrategy, ServedModel, ServingPool, register_pool
from worker.settings import Settings
from worker.submission import RunPlan, submit_run
from worker.twins import find_twins

Answering = Callable[[GenerationRequest], Completion]
FREE = TokenPrice(prompt=TOKEN_COUNT.prompt * 0, output=TOKEN_COUNT.output)
MAX_TOKENS = {"small": 10, "large": 40}


class FakeEngine:
    """Answers what it is told, after a turn of the event loop, until it is stopped; counts what it was asked."""

    name = "fake"
    capabilities = frozenset(Capability)
    instant = False
    concurrency = 32

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.started = 0
        self.stopped = False

    async def start(self) -> None:
        self.started += 1

    async def generate(self, request: GenerationRequest) -> Completion:
        if self.stopped:
            raise EngineNotStarted("not started", retry_after_seconds=0.001)
        self.asked.append(request.messages[-1].content)
        await asyncio.sleep(0.001)
        return self.answer(request)

    async def stop(self) -> None:
        self.stopped = True

    def load(self) -> EngineLoad:
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        fields = dict.fromkeys(EngineIdentity.__dataclass_fields__, "fake")
        return EngineIdentity(**fields)


def answer_with(text: str, *, tokens: int) -> Answering:
    """Every request gets this text, at this length."""
    return lambda _: Completion(texts=(text,), finish_reasons=("stop",), prompt_tokens=5, output_tokens=tokens)


def make_pool(max_tokens: Mapping[str, int] = MAX_TOKENS) -> ServingPool:
    """Strategies of one engine, charged one quantum for each output token."""
    document = {
        "engines": {
            "fake": {
                "kind": "openai",
                "model": "fake/fake",
                "base_url": "http://127.0.0.1:9/v1",
                "description": "no model",
            }
        },
        "strategies": [
            {"name": name, "engine": "fake", "decoding": {"method": "direct", "max_tokens": most}}
            for name, most in max_tokens.items()
        ],
    }
    declared = parse_strategies(document, source="fake.yaml")
    model = ServedModel(spec=declared.strategies[0].engine, folder=None, counter=PromptBound(), context_tokens=100_000)
    tariff = Tariff(version=1, prices={Unit.TOKENS: FREE}, source="test")
    strategies = tuple(PricedStrategy(strategy=own, tariff=tariff, model=model) for own in declared.strategies)
    return ServingPool(source=Path("fake.yaml"), strategies=strategies)


def make_tasks(
    count: int,
    *,
    grader: Mapping[str, object] | None = None,
    body: Callable[[int], Mapping[str, object]] = lambda _: {},
) -> list[NewTask]:
    """Tasks named task-0, task-1, ..., each asking its own name, with these fields in its body."""
    return [
        NewTask(
            custom_id=f"task-{number}",
            payload=json.dumps(
                {
                    "custom_id": f"task-{number}",
                    "method": "POST",
                    "url": "/v1/chat/completions",
                    "body": {
                        "model": "auto",
                        "messages": [{"role": "user", "content": f"task-{number}"}],
                        **body(number),
                    },
                    "grader": grader or {"kind": "exact", "reference": "yes"},
                }
            ),
        )
        for number in range(count)
    ]


def predict_flat(count: int, *, small: tuple[float, float], large: tuple[float, float]) -> Predictions:
    """The same (accuracy, cost) of the two strategies for every task; worst cases are the strategies' token limits."""
    worst = np.array(list(MAX_TOKENS.values()), dtype=np.float64)
    return Predictions(
        accuracy=np.tile(np.array([small[0], large[0]], dtype=np.float32), (count, 1)),
        cost=np.tile(np.array([small[1], large[1]], dtype=np.float64), (count, 1)),
        worst_cost=np.tile(worst, (count, 1)),
        prompt_tokens=np.full((count, 2), 5, dtype=np.int32),
    )


def budget(cap: int) -> Objective:
    """A budget in tokens."""
    return Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated=f"{cap} tokens", cap=cap)


def submit(
    database: Database,
    *,
    predictions: Predictions,
    objective: Objective,
    tasks: Sequence[NewTask] | None = None,
    pool: ServingPool | None = None,
    budget_id: int | None = None,
    tenant_id: str = "default",
    version_ids: Sequence[int] = (),
    tried: Tried | None = None,
    outline: bytes | None = None,
) -> int:
    """A stored run with these predictions."""
    own = list(tasks or make_tasks(len(predictions.cost)))
    plan = RunPlan(
        objective=objective,
        totals=Totals(cheapest=0, cheapest_worst=0, dearest=0),
        predictions=predictions,
        version_ids=tuple(version_ids),
        encoder="none",
        encoding_seconds=0.0,
        planning_seconds=0.0,
        leader_of=find_twins(own),
        budget_id=budget_id,
        tried=tried,
        outline=outline,
    )

    def store(session: object) -> int:
        strategy_ids = register_pool(session, tenant_id="default", pool=pool or make_pool())  # type: ignore[arg-type]  # see run_in_transaction
        return submit_run(
            session,  # type: ignore[arg-type]  # as above
            tasks=own,
            plan=plan,
            strategy_ids=strategy_ids,
            meta={},
            tenant_id=tenant_id,
        )

    return run_in_transaction(database, store)


def make_settings(tmp_path: Path, **given: object) -> Settings:
    """Settings with short leases and small windows."""
    own = {"lease_seconds": 2.0, "window_tasks": 20, "batch_tasks": 4}
    return Settings(data_directory=tmp_path, cache_directory=tmp_path, **(own | given))  # type: ignore[arg-type]  # fields by name


def drive(
    database: Database,
    job_id: int,
    engines: Sequence[Engine],
    settings: Settings,
    *,
    draining: threading.Event | None = None,
    hang_bell: Callable[[], Doorbell] = build_doorbell,
    pool: ServingPool | None = None,
) -> bool:
    """Whether one process of this job completed it; engines are used up in turn when they die."""
    stop, served = draining or threading.Event(), pool or make_pool()
    return asyncio.run(_drive(database, job_id, engines, settings, draining=stop, hang_bell=hang_bell, pool=served))


async def _drive(
    database: Database,
    job_id: int,
    engines: Sequence[Engine],
    settings: Settings,
    *,
    draining: threading.Event,
    hang_bell: Callable[[], Doorbell],
    pool: ServingPool,
) -> bool:
    spare = iter(engines)
    room = EngineRoom(pool, build=lambda _: next(spare))
    await room.start()
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    assets = Assets(
        database=database,
        strategies=dict(zip(job.strategy_ids, pool.strategies, strict=True)),
        engines=room,
        settings=settings,
        bell=hang_bell(),
        watch=lambda _: None,
        draining=draining,
    )
    try:
        with Heartbeat(
            database, lease_seconds=settings.lease_seconds, stall_seconds=settings.stall_seconds
        ) as heartbeat:
            return await Dispatcher(assets, job=job, unit=Unit.TOKENS, heartbeat=heartbeat).drive()
    finally:
        await room.stop()
