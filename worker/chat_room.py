"""Answers single requests on engines of this process: those that keep no weights here, so that they cost it nothing."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.breakers import list_open_breakers
from db.jobs import complete_job
from db.last_price import read_last_price
from db.outcome_rows import NewOutcome
from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from router.units import Unit
from worker.attempt import execute, fail
from worker.bootstrap import Workshop, build_engine
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineError
from worker.engines.protocol import Answering
from worker.errors import NothingServes
from worker.forecast import measure_demand, predict
from worker.heartbeat import Heartbeat, Held
from worker.job_standing import read_standing
from worker.objective import Request, SharedBudget, choose_unit
from worker.owner import name_owner
from worker.planning import read_predictors
from worker.pool import load_pool, register_pool
from worker.prediction_rows import find_servable, strike
from worker.predictors import LoadedPredictors
from worker.settings import Settings
from worker.shared_budgets import draw_on
from worker.single_request import Foreseen, OpenRequest, Order, Terms, choose_strategy, close_request, open_request
from worker.strategy_health import StrategyHealth
from worker.strategy_life import keep_in_service
from worker.submission import TENANT
from worker.task_line import parse_task_line
from worker.telling import Telling

PREDICTORS_SECONDS = 30.0  # how long a champion serves here after another one was crowned


class Answered(NamedTuple):
    """What became of a request."""

    request: OpenRequest
    outcome: NewOutcome


class _KeptPredictors(NamedTuple):
    until: float  # on the monotonic clock
    names: tuple[str, ...]  # of the strategies
    predictors: LoadedPredictors


class ChatRoom:
    """Opens with the first request; all of it on one event loop but for what would keep that waiting."""

    def __init__(self, settings: Settings, *, database: Database, strategy_file: Path) -> None:
        self._settings, self._database, self._strategy_file = settings, database, strategy_file
        self._opening = asyncio.Lock()
        self._foreseeing = threading.Lock()
        self._workshop: Workshop | None = None
        self._engines: EngineRoom | None = None
        self._heartbeat: Heartbeat | None = None
        self._predictors: _KeptPredictors | None = None
        self._health = StrategyHealth(database)
        self._running: set[asyncio.Task[Answered]] = set()

    async def answer(
        self,
        task: NewTask,
        *,
        tenant_id: str,
        budget: str | None,
        weight: float,
        meta: Mapping[str, Any],
        telling: Telling | None = None,
    ) -> Answered:
        """The request, answered and paid for; `telling` hears of it meanwhile.

        Whoever stops waiting for it leaves it to be settled all the same.

        BudgetTooSmall, BudgetDenied, BudgetUnusable, NoSuchBudget; NothingServes; UntrainedStrategies; EngineError
        where engines do not start.
        """
        await self._open()
        preparing = partial(self._prepare, task, tenant_id=tenant_id, budget=budget, weight=weight, meta=meta)
        running = asyncio.create_task(self._serve(preparing, telling))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Wait for what is under way, and let the engines go."""
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._engines is not None:
            await self._engines.stop()
        if self._heartbeat is not None:
            await asyncio.to_thread(self._heartbeat.__exit__)

    async def _open(self) -> None:
        async with self._opening:
            if self._engines is not None:
                return
            workshop = await asyncio.to_thread(self._load)
            engines = EngineRoom(workshop.pool, build=partial(build_engine, settings=self._settings))
            await engines.start()
            heartbeat = Heartbeat(
                self._database,
                lease_seconds=self._settings.lease_seconds,
                stall_seconds=self._settings.stall_seconds,
            )
            self._heartbeat = heartbeat.__enter__()
            self._workshop, self._engines = workshop, engines

    def _load(self) -> Workshop:
        pool = load_pool(
            self._strategy_file,
            cache_directory=self._settings.cache_directory,
            wanted=lambda strategy: not strategy.engine.kind.has_weights,
        )
        if not pool.strategies:
            raise NothingServes(
                f"every strategy of {self._strategy_file.name} has weights on this machine, which the API's process "
                "does not load: serve a model with `vllm serve`, and give its engine `kind: openai`"
            )
        workshop = Workshop(
            settings=self._settings,
            database=self._database,
            pool=pool,
            strategy_ids=run_in_transaction(self._database, partial(register_pool, tenant_id=TENANT, pool=pool)),
            watch=lambda _: None,
        )
        workshop.load_models()
        return workshop

    async def _serve(self, preparing: Callable[[], OpenRequest], telling: Telling | None) -> Answered:
        return await self._run(await asyncio.to_thread(preparing), telling)

    def _prepare(
        self, task: NewTask, *, tenant_id: str, budget: str | None, weight: float, meta: Mapping[str, Any]
    ) -> OpenRequest:
        assert self._workshop is not None
        workshop = keep_in_service(self._workshop)
        request = Request(stated="chat", shared_name=budget)
        drawn = draw_on(self._database, request, pool=workshop.pool, tenant_id=tenant_id).budget
        shared = drawn if isinstance(drawn, SharedBudget) else None
        unit = shared.unit if shared else choose_unit(None, [priced.tariff for priced in workshop.pool.strategies])
        foreseen = self._foresee(workshop, task, unit=unit)
        order = Order(
            tenant_id=tenant_id,
            meta={"strategy_file": str(self._strategy_file.resolve()), **meta},
            unit=unit,
            strategies=workshop.pool.strategies,
            strategy_ids=workshop.strategy_ids,
            owner=name_owner(),
            lease_seconds=self._settings.lease_seconds,
        )

        def open_it(session: Session) -> OpenRequest:
            price = None if shared is None else read_last_price(session, budget_id=shared.id)
            terms = Terms(budget=shared, weight=weight, price=price)
            column = choose_strategy(foreseen, terms, unit=unit)
            return open_request(session, foreseen=foreseen, terms=terms, column=column, order=order)

        return run_in_transaction(self._database, open_it)

    def _foresee(self, workshop: Workshop, task: NewTask, *, unit: Unit) -> Foreseen:
        line = parse_task_line(task.payload)
        with self._foreseeing:  # the encoder is one, and its cache too
            predictors = self._read_predictors(workshop)
            vectors = workshop.encoder.encode([line.embedded_text])
        predictions = predict(
            measure_demand([line], workshop.pool.strategies),
            vectors,
            strategies=workshop.pool.strategies,
            stack=predictors.stack,
            unit=unit,
            cached_shares=predictors.cached_shares,
            prompt_shares=predictors.prompt_shares,
        )
        with session_scope(self._database) as session:
            failing = {row.strategy_id for row in list_open_breakers(session, strategy_ids=workshop.strategy_ids)}
            standing = read_standing(session, strategy_ids=workshop.strategy_ids, version_ids=predictors.version_ids)
        columns = [column for column, own in enumerate(workshop.strategy_ids) if own in failing]
        able = standing.keep_in_service(strike(predictions, columns=columns))
        if not find_servable(able).any():
            reason = "fail at the moment" if find_servable(predictions).any() else "do not take it: it is too long"
            raise NothingServes(f"the strategies that could answer this request {reason}, or do not run here")
        return Foreseen(
            task=task,
            predictions=able,
            expected=standing.correct(able),
            version_ids=predictors.version_ids,
            encoder=workshop.encoder.name,
        )

    def _read_predictors(self, workshop: Workshop) -> LoadedPredictors:
        now, kept = time.monotonic(), self._predictors
        if kept is None or kept.until < now or kept.names != workshop.pool.names:
            kept = _KeptPredictors(now + PREDICTORS_SECONDS, workshop.pool.names, read_predictors(workshop))
            self._predictors = kept
        return kept.predictors

    async def _run(self, request: OpenRequest, telling: Telling | None) -> Answered:
        """Ask and settle, whoever still waits; while the engine works the lease is kept."""
        assert self._engines is not None
        assert self._heartbeat is not None
        name, held = request.assigned.priced.strategy.engine.name, Held(request.group.id, request.group.fence)
        activity = self._engines.activity_of(name)
        # A lost lease is found out when it is settled: StaleFence.
        self._heartbeat.hold(held, activity=activity, on_lost=lambda _: None)
        try:
            with activity.asking():
                outcome = await self._execute(request, telling)
            activity.note_answer()
            await asyncio.to_thread(self._settle, request, outcome)
        finally:
            self._heartbeat.drop(held)
        return Answered(request, outcome)

    async def _execute(self, request: OpenRequest, telling: Telling | None) -> NewOutcome:
        """A final outcome whatever happens: nobody would wait for a second attempt."""
        assert self._engines is not None
        assigned = request.assigned
        engine: Answering = self._engines.get(assigned.priced.strategy.engine.name)
        if telling is not None:
            engine = telling.listen(request, engine)
        try:
            return await execute(assigned, engine=engine, unit=request.unit)
        except EngineError as error:
            cost = assigned.amount if error.charged else 0
            return fail(assigned, code="engine_unavailable", message=str(error), cost=cost)
        except Exception as error:
            return fail(
                assigned, code="internal_error", message=f"{type(error).__name__}: {error}", cost=assigned.amount
            )

    def _settle(self, request: OpenRequest, outcome: NewOutcome) -> None:
        run_in_transaction(self._database, partial(close_request, request=request, outcome=outcome))
        run_in_transaction(self._database, partial(complete_job, job_id=request.job_id))
        self._health.note_batch(request.group, [outcome])
