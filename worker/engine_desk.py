"""The engines' side of a process: claims groups of the strategies that its engines serve, and runs them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Engine as Database

from db.budgets import Budget
from db.groups import ClaimedGroup
from db.settlements import NewOutcome
from router.units import Unit
from worker.answer_grading import AnswerGrading
from worker.batch_size import BatchSize
from worker.engine_activity import EngineActivity
from worker.engine_room import EngineRoom
from worker.engines.errors import EngineUnavailable
from worker.engines.protocol import Engine
from worker.gen_ai import AnswerTally
from worker.group_claim import ClaimedWork, claim_work
from worker.group_end import GroupEnd
from worker.group_run import GroupRun, Surroundings
from worker.heartbeat import Heartbeat, Held, Loss
from worker.json_log import log_attributes
from worker.pool import PricedStrategy
from worker.settings import Settings
from worker.settlement_bell import SettlementBell
from worker.start_backlog import StartBacklog
from worker.strategy_health import StrategyHealth
from worker.suspects import is_last_try

logger = logging.getLogger(__name__)

GROUPS_IN_FLIGHT = 8
LOST_IN_FLIGHT = 8  # beside those: what a lost worker left has waited for its lease, and waits for no group to end
BATCHES_AHEAD = 2  # of tasks that are claimed and not started, beside what fills the engine once


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineAssets:
    """What engines are run with."""

    database: Database
    strategies: Mapping[int, PricedStrategy]  # by database id
    engines: EngineRoom
    settings: Settings
    heartbeat: Heartbeat
    owner: str
    job_id: int | None  # None: of every job
    unit_of: Callable[[int], Unit]  # of a job's budget, by job id
    is_draining: Callable[[], bool]
    on_settled: Callable[[ClaimedGroup, Sequence[NewOutcome], Budget | None], None]
    on_room: Callable[[], None]  # another group may be claimed; called on the event loop


class GroupFailure(NamedTuple):
    """What went wrong with a group, and whose it was."""

    engine: str
    error: Exception


class EngineDesk:
    """Runs groups on one event loop, several at a time."""

    def __init__(self, assets: EngineAssets) -> None:
        self._assets = assets
        self._loop = asyncio.get_running_loop()
        self._settlements = SettlementBell()
        self._health = StrategyHealth(assets.database)
        # Each its own: what runs on a slow engine keeps no other one waiting.
        self._slots = {name: self._make_slots(name) for name in self._names}
        self._suspect_slots = {name: asyncio.Semaphore(assets.settings.batch_tasks) for name in self._names}
        self._batch_sizes = {name: BatchSize(assets.settings.batch_tasks) for name in self._names}
        self._grading = AnswerGrading()
        self._backlogs = {name: self._make_backlog(name) for name in self._names}
        self._running: dict[asyncio.Task[None], str] = {}  # the name of the engine that each asks

    @property
    def concurrency(self) -> int:
        """How many requests the engines take at a time at most, all together."""
        return sum(self._assets.engines.get(name).concurrency for name in self._names)

    @property
    def is_idle(self) -> bool:
        """Whether no group runs."""
        return not self._running

    async def start_groups(self) -> bool:
        """Claim and start groups until there are enough; whether there was one to claim each time."""
        while not self._assets.is_draining() and len(self._running) < GROUPS_IN_FLIGHT + LOST_IN_FLIGHT:
            is_full = len(self._running) >= GROUPS_IN_FLIGHT
            work = await asyncio.to_thread(self._claim_lost if is_full else self._claim)
            if work is None:
                return is_full or all(not backlog.is_low for backlog in self._backlogs.values())
            self._start_group(work)
        return True

    def take_failures(self) -> list[GroupFailure]:
        """What went wrong with groups that have ended since this was asked last."""
        failures = []
        for task in [task for task in self._running if task.done()]:
            engine = self._running.pop(task)
            try:
                task.result()
            except Exception as error:
                failures.append(GroupFailure(engine, error))
        return failures

    async def abandon(self) -> None:
        """Only when we are cancelled is anything left: leases end by themselves, and reservations are burned then."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start_group(self, work: ClaimedWork) -> None:
        backlog = self._backlog_of(work.group.strategy_id)
        backlog.note(work.group.id, len(work.tasks))
        task = asyncio.create_task(self._run_group(work))
        self._running[task] = self._assets.strategies[work.group.strategy_id].strategy.engine.name
        task.add_done_callback(lambda _: backlog.drop(work.group.id))

    async def _run_group(self, work: ClaimedWork) -> None:
        group, strategy = work.group, self._assets.strategies[work.group.strategy_id].strategy
        ids = {"job": group.job_id, "window": group.window_id, "group": group.id, "strategy": strategy.name}
        with log_attributes(**ids):
            await self._run_claimed(work)

    async def _run_claimed(self, work: ClaimedWork) -> None:
        group, engines, priced = work.group, self._assets.engines, self._assets.strategies[work.group.strategy_id]
        name = priced.strategy.engine.name
        engine, activity = engines.get(name), engines.activity_of(name)
        run = self._prepare(work, engine=engine, activity=activity)
        try:
            end = await self._run_held(run.run(), Held(group.id, group.fence), activity)
        except EngineUnavailable as error:
            # Asked while it was being replaced: the group is ready again, and its next claim finds the new engine.
            if engines.get(name) is engine and not engines.is_restarting(name):
                raise
            logger.info("job %d group %d: %s", group.job_id, group.id, error)
            return
        with log_attributes(**run.tally.describe()):
            own = priced.strategy.name
            logger.info("job %d group %d (%s): %s, %s", group.job_id, group.id, own, end, engine.load())
        if end in (GroupEnd.ENGINE_DIED, GroupEnd.STALLED) or activity.is_dead:
            await engines.restart(engine)

    def _prepare(self, work: ClaimedWork, *, engine: Engine, activity: EngineActivity) -> GroupRun:
        strategy = self._assets.strategies[work.group.strategy_id].strategy
        name = strategy.engine.name
        return GroupRun(
            group=work.group,
            tasks=work.tasks,
            engine=engine,
            unit=self._assets.unit_of(work.group.job_id),
            surroundings=Surroundings(
                database=self._assets.database,
                slots_for=lambda first: (self._suspect_slots if is_last_try(first) else self._slots)[name],
                backlog=self._backlogs[name],
                bell=self._settlements,
                draining=self._assets.is_draining,
                on_settled=self._assets.on_settled,
                health=self._health,
                batch_size=self._batch_sizes[name],
                grading=self._grading,
            ),
            activity=activity,
            tally=AnswerTally(strategy),
        )

    async def _run_held(self, work: Coroutine[Any, Any, GroupEnd], held: Held, activity: EngineActivity) -> GroupEnd:
        """Work under a heartbeat; a lost lease aborts the requests, whose answers could no longer be settled."""
        running = asyncio.create_task(work)
        losses: list[Loss] = []

        def abort(loss: Loss) -> None:  # called from the heartbeat's thread
            losses.append(loss)
            self._loop.call_soon_threadsafe(running.cancel)

        self._assets.heartbeat.hold(held, activity=activity, on_lost=abort)
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait({running})
            raise
        finally:
            self._assets.heartbeat.drop(held)
        if running.cancelled():
            return GroupEnd.STALLED if losses == [Loss.STALLED] else GroupEnd.LOST
        return running.result()

    @property
    def _names(self) -> set[str]:
        return {priced.strategy.engine.name for priced in self._assets.strategies.values()}

    def _make_slots(self, name: str) -> asyncio.Semaphore:
        """Batches in flight: enough to keep the engine full, with one more being reserved or settled."""
        concurrency = self._assets.engines.get(name).concurrency
        return asyncio.Semaphore(max(2, -(-concurrency // self._assets.settings.batch_tasks) + 1))

    def _make_backlog(self, name: str) -> StartBacklog:
        def count_enough() -> int:
            return self._assets.engines.get(name).load().places + BATCHES_AHEAD * self._batch_sizes[name].tasks

        return StartBacklog(enough=count_enough, on_low=self._assets.on_room)

    def _backlog_of(self, strategy_id: int) -> StartBacklog:
        return self._backlogs[self._assets.strategies[strategy_id].strategy.engine.name]

    def _claim(self) -> ClaimedWork | None:
        """A group whose engine soon has nothing to start, or one that a lost worker left."""
        return self._claim_of(self._list_served(needy=True)) or self._claim_lost()

    def _claim_lost(self) -> ClaimedWork | None:
        return self._claim_of(self._list_served(needy=False), held_before=True)

    def _list_served(self, *, needy: bool) -> dict[int, PricedStrategy]:
        """Strategies whose engines can be asked now; those of one that is gone, or being replaced, wait for the new."""
        engines = self._assets.engines
        return {
            key: priced
            for key, priced in self._assets.strategies.items()
            if engines.can_be_asked(priced.strategy.engine.name) and (not needy or self._backlog_of(key).is_low)
        }

    def _claim_of(self, served: Mapping[int, PricedStrategy], *, held_before: bool = False) -> ClaimedWork | None:
        if not served:
            return None
        return claim_work(
            self._assets.database,
            job_id=self._assets.job_id,
            owner=self._assets.owner,
            lease_seconds=self._assets.settings.lease_seconds,
            served=served,
            held_before=held_before,
        )
