"""Whether strategies work: failures in a row open their circuit breaker, and what waits for them is routed anew."""

import logging
import threading
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.breakers import list_open_breakers, note_failure, note_success
from db.disbanding import disband_ready_groups
from db.groups import ClaimedGroup
from db.session import run_in_transaction, session_scope
from db.settlements import NewOutcome
from db.states import RequeueReason
from db.strategy_modes import list_waited_for
from worker.attempt import WORKER_LOST
from worker.engines.errors import EngineDied, EngineError, EngineNotStarted

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN = 3  # batches in a row without a single answer
PAUSE_SECONDS = 30.0  # that a strategy is left alone; doubled each time it fails again at once
LONGEST_PAUSE_SECONDS = 600.0
LIE = "usage_impossible"  # the error code of an outcome whose engine counted what can not be true
ENGINE_FAILURES = frozenset({"engine_unavailable", LIE})  # error codes that say nothing about the task


class StrategyHealth:
    """Counts, for all workers together, how strategies fare. Called from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._suspects: set[int] = set()  # whose latest batch failed, as far as this process knows

    def note_batch(
        self, group: ClaimedGroup, results: Sequence[NewOutcome | BaseException], *, overrun: int = 0
    ) -> bool:
        """Look at a settled batch; whether its strategy is to be left alone, by the rest of its group too.

        Nothing is written while a strategy works as it should.
        """
        if overrun:
            return self._note_failure(group, f"it cost {overrun} quanta more than its requests allowed", threshold=1)
        if any(isinstance(result, EngineDied | EngineNotStarted) for result in results):
            return False  # says nothing of the engine's strategies: it is started again, and not for ever
        lies = [own for own in results if isinstance(own, NewOutcome) and own.error_code == LIE]
        if lies:
            return self._note_failure(group, str(lies[0].error_message), threshold=1)
        failures = list(filter(None, map(_describe_failure, results)))
        if failures and len(failures) == len(results):
            return self._note_failure(group, failures[0], threshold=FAILURES_TO_OPEN)
        if not failures and not all(map(_is_given_up, results)):
            self._note_success(group)
        return False

    def _note_success(self, group: ClaimedGroup) -> None:
        with self._lock:
            known = group.strategy_id in self._suspects
            self._suspects.discard(group.strategy_id)
        if known or group.on_trial:
            run_in_transaction(self._database, lambda session: note_success(session, strategy_id=group.strategy_id))

    def _note_failure(self, group: ClaimedGroup, reason: str, *, threshold: int) -> bool:
        with self._lock:
            self._suspects.add(group.strategy_id)

        opened = _count_failure(self._database, group.strategy_id, reason=reason, threshold=threshold)
        return opened or self._is_left_alone(group.strategy_id)

    def _is_left_alone(self, strategy_id: int) -> bool:
        """Another group's failure may have been the one too many."""
        with session_scope(self._database) as session:
            return bool(list_open_breakers(session, strategy_ids=[strategy_id]))


def leave_alone(database: Database, *, strategy_ids: Sequence[int], reason: str) -> None:
    """Open the breakers of these strategies at once: their engine can serve none of them."""
    for strategy_id in strategy_ids:
        opened = _count_failure(database, strategy_id, reason=reason, threshold=1)
        if not opened:  # it was open, and work was handed back since
            run_in_transaction(database, partial(recall_tasks, strategy_id=strategy_id))


def recall_all(database: Database) -> None:
    """Send what waits for strategies that are left alone, or out of service, to others: some was handed back since."""
    with session_scope(database) as session:
        failing = [breaker.strategy_id for breaker in list_open_breakers(session)]
        strategy_ids = dict.fromkeys([*failing, *list_waited_for(session)])
    for strategy_id in strategy_ids:
        recalled = run_in_transaction(database, partial(recall_tasks, strategy_id=strategy_id))
        if recalled:
            logger.info("strategy %d: %d tasks are routed to others", strategy_id, recalled)


def recall_tasks(session: Session, *, strategy_id: int) -> int:
    """How many tasks that waited for this strategy go back to routing."""
    return disband_ready_groups(session, reason=RequeueReason.RECALLED, strategy_id=strategy_id)


def _count_failure(database: Database, strategy_id: int, *, reason: str, threshold: int) -> bool:
    """Whether this failure opened the strategy's breaker; then what waited for it is routed to others."""

    def note(session: Session) -> int | None:
        opened = note_failure(
            session,
            strategy_id=strategy_id,
            reason=reason,
            threshold=threshold,
            pause_seconds=PAUSE_SECONDS,
            longest_pause_seconds=LONGEST_PAUSE_SECONDS,
        )
        return None if opened is None else recall_tasks(session, strategy_id=strategy_id)

    recalled = run_in_transaction(database, note)
    if recalled is not None:
        logger.warning(
            "strategy %d is left alone for a while, %d tasks are routed to others: %s", strategy_id, recalled, reason
        )
    return recalled is not None


def _is_given_up(result: NewOutcome | BaseException) -> bool:
    """Whether nobody was asked: the task ended because of what became of its earlier attempts."""
    return isinstance(result, NewOutcome) and result.error_code == WORKER_LOST


def _describe_failure(result: NewOutcome | BaseException) -> str | None:
    """What kept the engine from answering; None where it answered, or the fault is the task's or ours."""
    if isinstance(result, EngineError):
        return str(result)
    if isinstance(result, NewOutcome) and result.error_code in ENGINE_FAILURES:
        return result.error_message
    return None
