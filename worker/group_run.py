"""One claimed group from first reservation to last settlement."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine as Database

from db.errors import AlreadySettled, BudgetDenied, StaleFence
from db.groups import ClaimedGroup, finish_group, return_group
from db.reservations import reserve_batch
from db.session import run_in_transaction
from db.settlements import NewOutcome, NewRetry, settle_batch
from db.states import RequeueReason
from router.units import Unit
from worker.attempt import Assigned, execute, fail
from worker.engines.errors import EngineDied
from worker.engines.protocol import Engine
from worker.guarantee import Guarantee
from worker.settlement_bell import SettlementBell


class GroupEnd(StrEnum):
    """How a run of a group ended."""

    FINISHED = "finished"  # every task has an outcome, or went back because its reservation was denied
    HANDED_BACK = "handed back"  # we are draining: the rest is ready for another worker
    LOST = "lost"  # the lease is somebody else's
    ENGINE_DIED = "engine died"  # the rest is ready again; the engine must be restarted first


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What every group of an engine worker shares."""

    database: Database
    slots: asyncio.Semaphore  # one for each batch in flight
    bell: SettlementBell  # rung by every settlement: money may be free again
    guarantee: Guarantee
    draining: Callable[[], bool]
    on_settled: Callable[[Sequence[NewOutcome]], None]
    batch_tasks: int


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupRun:
    """A group with everything needed to run it."""

    group: ClaimedGroup
    tasks: Sequence[Assigned]
    engine: Engine
    unit: Unit
    surroundings: Surroundings
    on_progress: Callable[[], None]  # tells the heartbeat that the engine is alive

    async def run(self) -> GroupEnd:
        """Run the group, several batches in flight; every reservation of ours is settled, or burned with our lease."""
        running: set[asyncio.Task[None]] = set()
        try:
            left = await self._start_batches(running)
            await _finish_all(running)
            return await asyncio.to_thread(self._end, left)
        except StaleFence:
            return GroupEnd.LOST
        except EngineDied:
            await asyncio.to_thread(self._return)
            return GroupEnd.ENGINE_DIED
        finally:
            for task in running:
                task.cancel()

    async def _start_batches(self, running: set[asyncio.Task[None]]) -> Sequence[Assigned]:
        """Start batches until none is left, the budget denies one for good, or we drain; gives what was not started."""
        waiting = list(self.tasks)
        while waiting and not self.surroundings.draining() and not any(map(_has_failed, running)):
            await self.surroundings.slots.acquire()
            started = await self._start_batch(waiting, running)
            if not started:
                self.surroundings.slots.release()
                break
            del waiting[:started]
        return waiting

    async def _start_batch(self, waiting: Sequence[Assigned], running: set[asyncio.Task[None]]) -> int:
        """How many tasks were reserved and started; fewer when money is tight, 0 when not even one will ever fit."""
        size = min(len(waiting), self.surroundings.batch_tasks)
        while size:
            if self.surroundings.draining():
                return 0
            rung = self.surroundings.bell.listen()
            batch = waiting[:size]
            try:
                batch_no = await asyncio.to_thread(self._reserve, batch)
            except BudgetDenied:
                if size > 1:
                    size //= 2
                elif not await rung.wait_unless_idle():
                    return 0
                continue
            self.surroundings.bell.open()
            running.add(asyncio.create_task(self._run_batch(batch_no, batch)))
            return size
        return 0

    async def _run_batch(self, batch_no: int, batch: Sequence[Assigned]) -> None:
        try:
            results = await asyncio.gather(*(self._execute(assigned) for assigned in batch), return_exceptions=True)
            await asyncio.to_thread(self._settle, batch_no, batch, results)
        finally:
            self.surroundings.slots.release()
            await self.surroundings.bell.close()
        if any(isinstance(result, EngineDied) for result in results):
            raise EngineDied(f"engine {self.engine.name} died under batch {batch_no} of group {self.group.id}")

    async def _execute(self, assigned: Assigned) -> NewOutcome:
        outcome = await execute(assigned, engine=self.engine, unit=self.unit)
        self.on_progress()
        return outcome

    def _reserve(self, batch: Sequence[Assigned]) -> int:
        seqs = [assigned.seq for assigned in batch]
        keep_free = self.surroundings.guarantee.keep_free(seqs)
        batch_no = run_in_transaction(
            self.surroundings.database,
            lambda session: reserve_batch(
                session,
                group_id=self.group.id,
                fence=self.group.fence,
                seqs=seqs,
                amounts=[assigned.amount for assigned in batch],
                keep_free=keep_free,
            ),
        )
        self.surroundings.guarantee.note_started(seqs)
        return batch_no

    def _settle(self, batch_no: int, batch: Sequence[Assigned], results: Sequence[NewOutcome | BaseException]) -> None:
        outcomes, retries = _sort_results(batch, results)
        try:
            run_in_transaction(
                self.surroundings.database,
                lambda session: settle_batch(
                    session,
                    group_id=self.group.id,
                    fence=self.group.fence,
                    batch_no=batch_no,
                    outcomes=outcomes,
                    retries=retries,
                ),
            )
        except AlreadySettled:  # our own commit, whose answer was lost on the way
            return
        self.surroundings.guarantee.note_returned([retry.seq for retry in retries])
        self.surroundings.on_settled(outcomes)

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

    def _return(self) -> None:
        run_in_transaction(
            self.surroundings.database,
            lambda session: return_group(session, group_id=self.group.id, fence=self.group.fence),
        )


async def _finish_all(running: set[asyncio.Task[None]]) -> None:
    """Wait for every batch, also after one failed: the others have answers that are paid for."""
    failures = [error for error in await asyncio.gather(*running, return_exceptions=True) if error is not None]
    for kind in (StaleFence, EngineDied, BaseException):
        for error in failures:
            if isinstance(error, kind):
                raise error


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _sort_results(
    batch: Sequence[Assigned], results: Sequence[NewOutcome | BaseException]
) -> tuple[list[NewOutcome], list[NewRetry]]:
    outcomes, retries = [], []
    for assigned, result in zip(batch, results, strict=True):
        if isinstance(result, NewOutcome):
            outcomes.append(result)
        elif isinstance(result, EngineDied):
            retries.append(_retry(assigned, result))
        else:  # a mistake of ours: that task says so, the others are settled
            message = f"{type(result).__name__}: {result}"
            outcomes.append(fail(assigned, code="internal_error", message=message, cost=assigned.amount))
    return outcomes, retries


def _retry(assigned: Assigned, error: EngineDied) -> NewRetry:
    """The task goes back to routing; what the engine may have done before it died is charged at its worst."""
    return NewRetry(
        seq=assigned.seq,
        error_code="engine_died",
        error_message=str(error),
        prompt_tokens=0,
        output_tokens=0,
        cost=assigned.amount if error.charged else 0,
    )
