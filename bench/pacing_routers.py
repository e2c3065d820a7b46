"""Several routers on one budget: they price from what they last saw, and commit no more than they were given."""

import math

import numpy as np

from bench.pacing_policies import (
    Choice,
    KnownBacklog,
    Stream,
    allocate_within,
    pace,
)
from bench.pacing_workloads import Workload
from router import FrontierSketch, sketch_frontier
from router.errors import InfeasibleBudget
from router.pacing.lease import Lease, grant_amount
from router.pacing.price import Price, find_price, spend_at
from worker.window_choice import Money

ROUTERS = 8


class KnownBacklogByRouters:
    """Windows of a bulk job that are all claimed before any of them is committed: each is priced with the others."""

    def __init__(self, workload: Workload) -> None:
        self._work = workload
        self._one = KnownBacklog(workload)
        self._turn = 0

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The window as a router chooses that read money and backlog when the first of its round did."""
        if self._turn % ROUTERS == 0:
            self._seen, self._backlog = money, self._one.rest
        self._turn += 1
        own = self._one.take_off(tasks)
        return pace(self._work, tasks, rest=self._backlog - own, money=self._seen)


class LeasedStream:
    """Windows of a stream dealt to the routers in turn; one looks at money and arrivals when its lease is over.

    What routers see goes into one sketch as they look: they merge theirs.
    """

    def __init__(self, workload: Workload) -> None:
        self._work = workload
        self._stream = Stream(workload)
        self._leases: list[Lease | None] = [None] * ROUTERS
        self._turn = 0
        self.looks = 0

    def choose(self, tasks: slice, money: Money) -> Choice:
        """The window at the price of the router's lease."""
        number = self._turn % ROUTERS
        self._turn += 1
        rest = self._stream.expect_rest(tasks)
        own = sketch_frontier(self._work.accuracy[tasks], self._work.cost[tasks], rest.scale)
        epoch, lease = self._stream.epoch, self._leases[number]
        if lease is None or not lease.covers(spend_at(own, lease.price), epoch=epoch):
            lease = self._look(number, own=own, rest=rest, money=money)
        choice = allocate_within(self._work, tasks, min(spend_at(own, lease.price), lease.amount))
        cost = int(self._work.cost[np.arange(tasks.start, tasks.stop), choice].sum())
        self._leases[number] = lease.spend(min(cost, lease.amount))
        return choice

    def _look(self, number: int, *, own: FrontierSketch, rest: FrontierSketch, money: Money) -> Lease:
        """Give back what is left of the router's lease, and take another at the price of now."""
        self.looks += 1
        self._leases[number] = None
        left = max(int(money.expected_left), 0)
        try:
            price = find_price(own + rest, left)
        except InfeasibleBudget:
            price = Price(bucket=0, share=0.0, value=math.inf)  # the cheapest
        leased = sum(lease.amount for lease in self._leases if lease is not None)
        amount = grant_amount(left=left, leased=leased, routers=ROUTERS, asked=math.ceil(spend_at(own, price)))
        return Lease(amount=amount, price=price, epoch=self._stream.epoch)
