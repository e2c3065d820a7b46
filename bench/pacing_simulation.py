"""One budget paced over one workload: windows are priced, started and settled as the product does it."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.pacing_admission import (
    DOWNGRADED,
    HIGHEST,
    PREDICTED,
    RESERVED,
    ROUTED,
    SPENT,
    UNANSWERED,
    WAITED,
    Ledger,
)
from bench.pacing_policies import Policy
from bench.pacing_workloads import Workload
from worker.window_choice import Money


class Paced(NamedTuple):
    """What became of a workload."""

    accuracy: float  # summed over the tasks
    overrun: int  # quanta that spent and reserved together ever were above the cap
    spent_share: float  # of the cap
    waited: float  # share of the tasks whose reservation had to wait for settlements
    downgraded: float  # share of the tasks
    unanswered: int
    routing_ms: float  # a window
    times: NDArray[np.float64]  # (windows,) share of the tasks before the window
    spending: NDArray[np.float64]  # (windows,) share of the cap spent when it was routed


def simulate(workload: Workload, policy: Policy, *, windows: Sequence[slice], known: bool) -> Paced:
    """The whole job, known from the start, or stream."""
    ledger = Ledger(workload, known=known)
    tasks, seconds, spending = len(workload.accuracy), 0.0, []
    for window in windows:
        money = read_money(ledger, cap=workload.cap)
        spending.append(money.settled / workload.cap)
        begun = time.perf_counter()
        choice = policy.choose(window, money)
        seconds += time.perf_counter() - begun
        ledger.start(window, choice)
    ledger.finish()
    return Paced(
        accuracy=ledger.measure_accuracy(),
        overrun=max(int(ledger.account[HIGHEST]) - workload.cap, 0),
        spent_share=int(ledger.account[SPENT]) / workload.cap,
        waited=int(ledger.counts[WAITED]) / tasks,
        downgraded=int(ledger.counts[DOWNGRADED]) / tasks,
        unanswered=int(ledger.counts[UNANSWERED]),
        routing_ms=1e3 * seconds / len(windows),
        times=np.array([window.start / tasks for window in windows]),
        spending=np.array(spending),
    )


def read_money(ledger: Ledger, *, cap: int) -> Money:
    """The budget as routing sees it."""
    account = ledger.account
    return Money(
        tasks=len(ledger.executed),
        cap=cap,
        settled=int(account[SPENT]),
        burned=0,
        reserved=int(account[RESERVED]),
        kept=0,
        routed=int(account[ROUTED]),
        in_flight=int(account[PREDICTED]),
    )


def cut_windows(tasks: int, size: int) -> list[slice]:
    """Windows of so many tasks, the last one smaller."""
    return [slice(start, min(start + size, tasks)) for start in range(0, tasks, size)]
