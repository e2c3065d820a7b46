"""One claimed group from first reservation to last settlement."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine as Database
from sqlalchemy.exc import DBAPIError

from db.budgets import Budget
from db.disbanding import disband_group
from db.errors import AlreadySettled, BudgetDenied, JobHalted, StaleFence
from db.groups import ClaimedGroup, finish_group, return_group
from db.reservations import reserve_batch
from db.session import is_outage, run_in_transaction
from db.settlements import NewOutcome, Settlement, settle_batch
from db.states import RequeueReason
from router.units import Unit
from worker.answer_grading import AnswerGrading
from worker.attempt import Assigned, execute
from worker.batch_failures import has_failed, raise_decisive
from worker.batch_results import BatchResults, list_new, sort_results
from worker.batch_size import BatchSize
from worker.engine_activity import EngineActivity
from worker.engines.errors import EngineDied, EngineError, EngineMisconfigured
from worker.engines.protocol import Engine
from worker.errors import StrategyLeftAlone
from worker.gen_ai import AnswerTally
from worker.group_end import GroupEnd
from worker.others_money import wait_for_others
from worker.settlement_bell import Listening, SettlementBell
from worker.slot import Slot
from worker.start_backlog import StartBacklog
from worker.strategy_health import StrategyHealth
from worker.suspects import count_together, is_last_try

logger = logging.getLogger(__name__)

SETTLE_TRIES = 5
SETTLE_PAUSE_SECONDS = 0.5  # doubled after each try: 7.5 s in all, about a lease


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What every group of an engine worker shares."""

    database: Database
    slots_for: Callable[[Assigned], asyncio.Semaphore]  # by a batch's first task: suspects keep no full batch waiting
    backlog: StartBacklog  # of the group's engine
    bell: SettlementBell  # rung by every settlement: money may be free again
    draining: Callable[[], bool]
    on_settled: Callable[[ClaimedGroup, Sequence[NewOutcome], Budget | None], None]  # the budget, where it is known
    health: StrategyHealth
    batch_size: BatchSize
    grading: AnswerGrading


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupRun:
    """A group with everything needed to run it."""

    group: ClaimedGroup
    tasks: Sequence[Assigned]
    engine: Engine
    unit: Unit
    surroundings: Surroundings
    activity: EngineActivity  # tells the heartbeat that the engine is alive
    tally: AnswerTally  # told of everything that the engine answers

    async def run(self) -> GroupEnd:
        """Run the group, several batches in flight; every reservation of ours is settled, or burned with our lease.

        An error that no other worker could do better with leaves the group ready, and is raised.
        """
        running: set[asyncio.Task[None]] = set()
        try:
            left = await self._run_batches(running)
            return await asyncio.to_thread(self._end, left)
        except StaleFence:
            return GroupEnd.LOST
        except JobHalted as halted:
            return await self._stop(halted)
        except (EngineError, StrategyLeftAlone) as error:
            return await self._leave(error)
        finally:
            for task in running:
                task.cancel()

    async def _stop(self, halted: JobHalted) -> GroupEnd:
        """What runs was settled; the rest is given up, or waits until the job is unpaused."""
        try:
            await asyncio.to_thread(self._give_up if halted.cancelled else self._return)
        except StaleFence:
            return GroupEnd.LOST
        return GroupEnd.HALTED

    async def _leave(self, error: EngineError | StrategyLeftAlone) -> GroupEnd:
        try:
            await asyncio.to_thread(self._return)
        except StaleFence:
            return GroupEnd.LOST
        if isinstance(error, EngineDied):
            logger.warning("job %d group %d: %s", self.group.job_id, self.group.id, error)
            return GroupEnd.ENGINE_DIED
        if isinstance(error, StrategyLeftAlone):
            return GroupEnd.LEFT_ALONE
        raise error

    async def _run_batches(self, running: set[asyncio.Task[None]]) -> Sequence[Assigned]:
        """What was not started, once every batch has ended: also after a failure the others' answers are paid for."""
        failures: list[BaseException] = []
        left: Sequence[Assigned] = ()
        try:
            left = await self._start_batches(running)
        except Exception as error:
            failures.append(error)
        ended = await asyncio.gather(*running, return_exceptions=True)
        failures += [error for error in ended if error is not None]
        raise_decisive(failures)
        return left

    async def _start_batches(self, running: set[asyncio.Task[None]]) -> Sequence[Assigned]:
        """Start batches until none is left, the budget denies one for good, or we drain; gives what was not started."""
        waiting = list(self.tasks)
        while waiting and not self.surroundings.draining() and not any(map(has_failed, running)):
            if is_last_try(waiting[0]) and running:
                await asyncio.wait(running)  # whoever runs beside it may end with it, and for good
            slot, started = Slot(self.surroundings.slots_for(waiting[0])), 0
            try:
                await slot.take()
                self.activity.require_life()
                started = await self._start_batch(waiting, running, slot)
            finally:
                if not started:  # else the batch gives its slot back
                    slot.give()
            if not started:
                break
            del waiting[:started]
            self.surroundings.backlog.note(self.group.id, len(waiting))
        return waiting

    async def _start_batch(self, waiting: Sequence[Assigned], running: set[asyncio.Task[None]], slot: Slot) -> int:
        """How many tasks were reserved and started; fewer when money is tight, 0 when not even one will ever fit."""
        size = count_together(waiting, most=self.surroundings.batch_size.tasks)
        while not self.surroundings.draining():
            rung = self.surroundings.bell.listen()
            batch = waiting[:size]
            try:
                running.add(await self._open_batch(batch, slot))
            except BudgetDenied as denied:
                if size > 1:
                    size //= 2
                elif not await self._wait_for_money(denied, rung, slot, tasks=len(waiting)):
                    return 0
                continue
            return size
        return 0

    async def _wait_for_money(self, denied: BudgetDenied, rung: Listening, slot: Slot, *, tasks: int) -> bool:
        """Whether asking again may help; groups of other budgets may be claimed, and use the slot, meanwhile."""
        slot.give()
        self.surroundings.backlog.note(self.group.id, 0)
        database, draining = self.surroundings.database, self.surroundings.draining
        back = await rung.wait_unless_idle() or await wait_for_others(database, denied, draining=draining)
        self.surroundings.backlog.note(self.group.id, tasks)
        await slot.take()
        return back

    async def _open_batch(self, batch: Sequence[Assigned], slot: Slot) -> asyncio.Task[None]:
        self.surroundings.bell.open()
        try:
            batch_no = await asyncio.to_thread(self._reserve, batch)
        except BaseException:
            self.surroundings.bell.withdraw()
            raise
        return asyncio.create_task(self._run_batch(batch_no, batch, slot))

    async def _run_batch(self, batch_no: int, batch: Sequence[Assigned], slot: Slot) -> None:
        began = time.monotonic()
        try:
            results = await self._execute_all(batch)
            self.tally.note(results)
            self.surroundings.batch_size.note(len(batch), seconds=time.monotonic() - began)
            is_left_alone = await asyncio.to_thread(self._settle, batch_no, batch, results)
        finally:
            slot.give()
            self.surroundings.bell.settle()
        self._raise_engine_failure(results, began=began)
        if is_left_alone:
            raise StrategyLeftAlone(f"the strategy of group {self.group.id} keeps failing")

    def _raise_engine_failure(self, results: Sequence[NewOutcome | BaseException], *, began: float) -> None:
        """Whatever keeps the engine from answering further batches."""
        failures = [result for result in results if isinstance(result, EngineError)]
        for failure in failures:
            if isinstance(failure, EngineMisconfigured | EngineDied):
                raise failure
        # Turned away, all of them, while nobody else was answered either: it is not these tasks.
        if len(failures) == len(results) and not self.activity.answered_since(began):
            raise failures[0]

    async def _execute_all(self, batch: Sequence[Assigned]) -> list[NewOutcome | BaseException]:
        """In the batch's order, what became of each task."""
        if not self.engine.instant:
            return await asyncio.gather(*map(self._execute, batch), return_exceptions=True)
        # Nothing is gained from asking at once an engine that never waits, and each task of a loop costs its share.
        results: list[NewOutcome | BaseException] = []
        with self.activity.asking():
            for assigned in batch:
                try:
                    outcome = await execute(assigned, engine=self.engine, unit=self.unit)
                    results.append(await self.surroundings.grading.complete(outcome, assigned.line.grader))
                except Exception as error:
                    results.append(error)
        self.activity.note_answer()
        return results

    async def _execute(self, assigned: Assigned) -> NewOutcome:
        with self.activity.asking():
            outcome = await execute(assigned, engine=self.engine, unit=self.unit)
        self.activity.note_answer()
        return await self.surroundings.grading.complete(outcome, assigned.line.grader)

    def _reserve(self, batch: Sequence[Assigned]) -> int:
        return run_in_transaction(
            self.surroundings.database,
            lambda session: reserve_batch(
                session,
                group_id=self.group.id,
                fence=self.group.fence,
                seqs=[assigned.seq for assigned in batch],
                amounts=[assigned.amount for assigned in batch],
                least=sum(assigned.least for assigned in batch),
            ),
        )

    def _settle(self, batch_no: int, batch: Sequence[Assigned], results: Sequence[NewOutcome | BaseException]) -> bool:
        """Whether the strategy is to be left alone."""
        grading = self.surroundings.grading
        ended = sort_results(batch, results, grading=grading, second_chances=self.group.second_chances)
        settled = None
        for attempt in range(SETTLE_TRIES):
            try:
                settled = self._settle_once(batch_no, ended)
                break
            except AlreadySettled:  # our own commit, whose answer was lost on the way
                break
            except DBAPIError as error:  # the answers are paid for, and the database may be back in a moment
                if attempt == SETTLE_TRIES - 1 or not is_outage(error):
                    raise
                time.sleep(SETTLE_PAUSE_SECONDS * 2**attempt)
        self.surroundings.on_settled(self.group, list_new(batch, ended), settled.budget if settled else None)
        overrun = settled.charges.overrun if settled else 0
        return self.surroundings.health.note_batch(self.group, results, overrun=overrun)

    def _settle_once(self, batch_no: int, ended: BatchResults) -> Settlement:
        return run_in_transaction(
            self.surroundings.database,
            lambda session: settle_batch(
                session,
                group_id=self.group.id,
                fence=self.group.fence,
                batch_no=batch_no,
                outcomes=ended.outcomes,
                retries=ended.retries,
                twins=ended.twins,
                chances=ended.chances,
            ),
        )

    def _end(self, left: Sequence[Assigned]) -> GroupEnd:
        if left and self.surroundings.draining():
            self._return()
            return GroupEnd.HANDED_BACK
        run_in_transaction(
            self.surroundings.database,
            lambda session: finish_group(
                session,
                group_id=self.group.id,
                fence=self.group.fence,
                hand_back=[assigned.seq for assigned in left],
                reason=RequeueReason.DENIED,
            ),
        )
        return GroupEnd.FINISHED

    def _give_up(self) -> None:
        run_in_transaction(
            self.surroundings.database,
            lambda session: disband_group(
                session, group_id=self.group.id, fence=self.group.fence, reason=RequeueReason.CANCELLED
            ),
        )

    def _return(self) -> None:
        give_back = partial(return_group, group_id=self.group.id, fence=self.group.fence)
        run_in_transaction(self.surroundings.database, give_back)
