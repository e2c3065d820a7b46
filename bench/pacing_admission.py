"""Admission as the ledger does it: reserve the worst case, settle the true cost, wait, or downgrade what never fits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.pacing_workloads import WORST_TIMES, Workload
from router.compiled import compiled

Amounts = NDArray[np.int64]

SPENT, RESERVED, PREDICTED, ROUTED, KEPT, HIGHEST = range(6)  # of the account, in quanta
WAITED, DOWNGRADED, UNANSWERED = range(3)  # of the counts, in tasks


class Running(NamedTuple):
    """Tasks in flight, the oldest first, in a ring."""

    worst: Amounts  # (in flight,)
    true: Amounts  # (in flight,)
    predicted: Amounts  # (in flight,)
    ends: Amounts  # (2,) how many have ever been settled, and started


class Ledger:
    """A budget under a stream of tasks that run a fixed number at a time and settle in their order.

    Where the cap covers it, the least worst case of every task is kept free until it starts: of all tasks from the
    beginning where they are known, else of a window's from when it has arrived.
    """

    def __init__(self, workload: Workload, *, known: bool) -> None:
        self._workload = workload
        room = workload.in_flight
        worst, true, predicted = (np.zeros(room, np.int64) for _ in range(3))
        self._running = Running(worst, true, predicted, ends=np.zeros(2, np.int64))
        self.account = np.zeros(6, np.int64)
        self.counts = np.zeros(3, np.int64)
        self._least = WORST_TIMES * workload.cost.min(axis=1).astype(np.int64)
        self._known = known
        if known:
            self._keep(slice(None))
        self.executed = np.full(
            len(self._least), -1
        )  # (tasks,) the strategy, -1 before a task and for one without an answer

    def start(self, tasks: slice, choice: NDArray[np.int64]) -> None:
        """Start these tasks, in order, each when a place is free and its worst case fits."""
        work = self._workload
        if not self._known:
            self._keep(tasks)
        asked = _Asked(
            cost=work.cost[tasks],
            accuracy=work.accuracy[tasks],
            factor=work.factor[tasks],
            least=self._least[tasks],
            choice=choice,
            cap=work.cap,
            times=WORST_TIMES,
        )
        self.executed[tasks] = _start(asked, self._running, self.account, self.counts)

    def finish(self) -> None:
        """Settle everything that runs."""
        _settle_all(self._running, self.account)

    def _keep(self, tasks: slice) -> None:
        needed = self._least[tasks].sum()
        if self.account[SPENT] + self.account[RESERVED] + needed <= self._workload.cap:
            self.account[KEPT] += needed
        else:
            self._least[tasks] = 0

    def measure_accuracy(self) -> float:
        """The summed accuracy of what was executed."""
        answered = np.flatnonzero(self.executed >= 0)
        return float(self._workload.accuracy[answered, self.executed[answered]].sum(dtype=np.float64))


@compiled
def _settle(running: Running, account: Amounts) -> None:
    oldest = running.ends[0] % len(running.worst)
    account[SPENT] += running.true[oldest]
    account[RESERVED] -= running.worst[oldest]
    account[PREDICTED] -= running.predicted[oldest]
    running.ends[0] += 1


@compiled
def _settle_all(running: Running, account: Amounts) -> None:
    while running.ends[0] < running.ends[1]:
        _settle(running, account)


class _Asked(NamedTuple):
    """Tasks to start, in whole quanta."""

    cost: NDArray[np.float64]  # (tasks, strategies) predicted
    accuracy: NDArray[np.float32]  # (tasks, strategies)
    factor: NDArray[np.float64]  # (tasks,)
    least: Amounts  # (tasks,) worst case of the cheapest strategy, as far as it is kept free
    choice: Amounts  # (tasks,)
    cap: int
    times: int  # worst case per predicted cost


@compiled
def _start(asked: _Asked, running: Running, account: Amounts, counts: Amounts) -> Amounts:
    """The strategy of each task, -1 where none fitted."""
    executed, cap, times = asked.choice.copy(), asked.cap, asked.times
    for task in range(len(executed)):
        account[KEPT] -= asked.least[task]
        if running.ends[1] - running.ends[0] == len(running.worst):
            _settle(running, account)
        worst = times * int(asked.cost[task, executed[task]])
        counts[WAITED] += account[SPENT] + account[RESERVED] + account[KEPT] + worst > cap
        while account[SPENT] + account[RESERVED] + account[KEPT] + worst > cap and running.ends[0] < running.ends[1]:
            _settle(running, account)
        room = cap - account[SPENT] - account[RESERVED] - account[KEPT]
        if worst > room:
            counts[DOWNGRADED] += 1
            executed[task] = _find_best(asked.cost[task], asked.accuracy[task], room // times)
        if executed[task] < 0:
            counts[UNANSWERED] += 1
            continue
        _run(running, account, int(asked.cost[task, executed[task]]), asked.factor[task], times)
    return executed


@compiled
def _run(running: Running, account: Amounts, predicted: int, factor: float, times: int) -> None:
    newest = running.ends[1] % len(running.worst)
    running.worst[newest], running.predicted[newest] = times * predicted, predicted
    running.true[newest] = min(int(np.ceil(predicted * factor)), times * predicted)
    running.ends[1] += 1
    account[RESERVED] += times * predicted
    account[PREDICTED] += predicted
    account[ROUTED] += predicted
    committed = int(account[SPENT] + account[RESERVED])
    account[HIGHEST] = max(int(account[HIGHEST]), committed)


@compiled
def _find_best(cost: NDArray[np.float64], accuracy: NDArray[np.float32], room: int) -> int:
    """The most accurate strategy that is predicted to cost so much at most, -1 where there is none."""
    best = -1
    for strategy in range(len(cost)):
        if cost[strategy] <= room and (best < 0 or accuracy[strategy] > accuracy[best]):
            best = strategy
    return best
