"""One policy through all nights of one world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.replay_gate import Champion, Served, keep_trained, list_replaced, promote
from bench.replay_memory import PROBE, Memory
from bench.replay_policies import Policy, Told
from bench.replay_training import Training, serve_pairs, train_weighted
from bench.replay_watch import Noticed, PoolWatch
from bench.replay_window import Routed, route_best, route_exploring
from bench.replay_world import Answers, Cells, Floats, Rows, Window, World
from router.baselines.outcomes import Estimates
from router.drift.outline import Outline, outline_tasks
from router.drift.watch import Broken

GROWTH = 1.2  # a policy learns again once it was told of so many times the outcomes


@dataclass(frozen=True, kw_only=True, eq=False)
class Night:
    """What came of one night, and what was known after it."""

    accuracy: float  # mean over the chances with which strategies were chosen
    unexplored: float  # what it would have been without exploring
    spend: float  # as a share of the budgets
    explored: float  # share of the tasks that got another strategy than their best one
    traffic: Cells  # (strategies,), tasks
    area: float  # of the tasks held out, as predictions are after the night
    alarms: Sequence[Noticed]


class _Windowed(NamedTuple):
    """One window's part of a night, in tasks and money."""

    right: float
    unexplored: float
    spend: float
    budget: float
    explored: int
    traffic: NDArray[np.intp]  # (strategies,)


class Learner:
    """A policy on its way: it is told outcomes, and learns from nothing else."""

    def __init__(self, vectors: Floats, policy: Policy, *, strategies: int, how: Training) -> None:
        self.policy, self.how = policy, how
        self.memory = Memory(vectors, strategies=strategies)
        self.watch = PoolWatch(strategies)
        self.champions: dict[int, Champion] = {}
        self.in_alarm: set[int] = set()  # strategies about which one stands that their champions have not learnt of
        self.learnt_from = 0  # outcomes

    def learn(self) -> None:
        """Predictors anew from what is known."""
        self.learnt_from = int(self.memory.told.sum())
        strategies = self.memory.correct.shape[1]
        if not self.policy.gated:
            self.serve = self.policy.learn(self.memory, self.how)
            self.watch.begin(range(strategies))
            return
        champions = promote(
            self.memory, train_weighted(self.memory, self.how), self.champions, served=self._look_at_champions()
        )
        replaced = list_replaced(self.champions, champions)
        self.watch.begin(replaced)
        self.in_alarm -= set(replaced)
        self.champions = champions
        self.serve = serve_pairs(keep_trained(champions), strategies=strategies)

    def _look_at_champions(self) -> Served:
        """What they foresee of all tasks, corrected for the kind of the night that each strategy had them in."""
        if not self.champions:
            nothing = np.zeros((2, 0, self.memory.correct.shape[1]))
            return Served(nothing, nothing, self.in_alarm)
        known = self.serve(self.memory.vectors)
        corrected = np.stack(self.watch.correct(known, outline=None))
        for night, outline in self.watch.outlines.items():
            of_night = self.memory.night == night
            corrected[:, of_night] = np.stack(self.watch.correct(known, outline=outline))[:, of_night]
        return Served(corrected, np.stack(known), self.in_alarm)

    def predict(self, vectors: Floats, *, outline: Outline | None = None) -> Estimates:
        """Accuracies and amounts, corrected by what was seen since they learnt of tasks of this kind, or of any."""
        served = self.serve(vectors)
        return self.watch.correct(served, outline=outline) if self.policy.watches else served

    def route(self, window: Window, prices: Cells, *, night: int, explores: bool) -> Routed:
        """The window's strategies at these prices (strategies,)."""
        predicted = self.predict(self.memory.vectors[window.rows], outline=self.watch.outlines.get(night))
        priced = predicted._replace(cost=predicted.cost * prices)
        if not explores:
            return route_best(priced, window.budget)
        return route_exploring(
            priced,
            window.budget,
            dearest=self.memory.find_dearest() * prices,
            outcomes=self.memory.told,
            seed=(self.how.seed, night, int(window.rows[0])),
        )

    def settle(self, rows: Rows, routed: Routed, answers: Answers, *, night: int) -> list[Noticed]:
        """Keep the outcomes; what they say of the predictions."""
        alarms = []
        if self.policy.watches:
            predicted = self.serve(self.memory.vectors[rows])
            drawn = routed.choice != routed.best
            alarms = self.watch.note(predicted, routed.choice, drawn, answers, night=night)
        if self.policy.retrains and self.policy.told in {Told.CHOSEN, Told.ALL}:
            self.memory.note(rows, routed.choice, answers, chance=routed.chance, night=night)
        return alarms

    def list_told(self, night: Rows, strategy: int) -> Rows:
        """The night's tasks of which the policy is told what a strategy would have done."""
        return self.policy.list_told(night, place=strategy, strategies=self.memory.correct.shape[1])

    def end_night(self, alarms: Sequence[Noticed], *, night: int) -> None:
        """Forget what was broken, recall what was not, and learn where there is enough that is new."""
        told = [alarm for alarm in alarms if alarm.broken is not Broken.DEARER]
        for alarm in told:
            if alarm.withdraws:
                self.memory.recall(alarm.strategy)
                self.in_alarm.discard(alarm.strategy)
            else:
                self.memory.forget(alarm.strategy, before=night)
                self.in_alarm.add(alarm.strategy)
        if told or (self.policy.retrains and self.memory.told.sum() >= GROWTH * self.learnt_from):
            self.learn()


def run_nights(world: World, policy: Policy, how: Training) -> list[Night]:
    """Every night, from probes of all strategies that are there at first."""
    learner = Learner(world.vectors, policy, strategies=len(world.table.strategies), how=how)
    nights = []
    for night in range(len(world.nights)):
        _meet_newcomers(world, learner, night)
        nights.append(_run_night(world, learner, night))
    return nights


def _meet_newcomers(world: World, learner: Learner, night: int) -> None:
    newcomers = np.flatnonzero(world.find_joined(night) & ~world.find_joined(night - 1)).tolist()
    for strategy in newcomers:
        before = [learner.list_told(world.nights[past], strategy) for past in range(night)]
        _tell(world, learner.memory, np.concatenate([world.probes, *before]), strategy, night=night)
    if newcomers:
        learner.learn()


def _run_night(world: World, learner: Learner, night: int) -> Night:
    parts, alarms = [], []
    learner.watch.meet(world.vectors[world.nights[night]], night=night)
    for window in world.divide_night(night):
        routed = learner.route(window, world.find_prices(night), night=night, explores=learner.policy.explores)
        parts.append(_judge(world, learner, window, routed, night=night))
        answers = world.answer(night, window.rows, routed.choice)
        alarms += learner.settle(window.rows, routed, answers, night=night)
    if learner.policy.told is not Told.CHOSEN:
        for strategy in np.flatnonzero(world.find_joined(night)).tolist():
            told = learner.list_told(world.nights[night], strategy)
            _tell(world, learner.memory, told, strategy, night=night)
    learner.end_night(alarms, night=night)
    held_out = world.vectors[world.held_out]
    predicted = learner.predict(held_out, outline=outline_tasks(held_out))
    priced = predicted._replace(cost=predicted.cost * world.find_prices(night))
    return _sum_up(parts, tasks=len(world.nights[night]), area=world.measure_area(night, priced), alarms=alarms)


def _tell(world: World, memory: Memory, rows: Rows, strategy: int, *, night: int) -> None:
    """One strategy's outcomes on all these tasks."""
    asked = np.full(len(rows), strategy)
    memory.note(rows, asked, world.answer(night, rows, asked), chance=PROBE, night=night)


def _judge(world: World, learner: Learner, window: Window, routed: Routed, *, night: int) -> _Windowed:
    """What comes of the choice, with all outcomes known."""
    truth, tasks, prices = world.look(night, window.rows), np.arange(len(window.rows)), world.find_prices(night)
    unexplored = routed
    if learner.policy.explores:
        unexplored = learner.route(window, prices, night=night, explores=False)
    return _Windowed(
        right=float((routed.propensity * truth.accuracy).sum()),
        unexplored=float(truth.accuracy[tasks, unexplored.choice].sum()),
        spend=float(truth.cost[tasks, routed.choice].sum()),
        budget=window.budget,
        explored=int((routed.choice != routed.best).sum()),
        traffic=np.bincount(routed.choice, minlength=len(prices)),
    )


def _sum_up(parts: Sequence[_Windowed], *, tasks: int, area: float, alarms: Sequence[Noticed]) -> Night:
    return Night(
        accuracy=sum(part.right for part in parts) / tasks,
        unexplored=sum(part.unexplored for part in parts) / tasks,
        spend=sum(part.spend for part in parts) / sum(part.budget for part in parts),
        explored=sum(part.explored for part in parts) / tasks,
        traffic=np.sum([part.traffic for part in parts], axis=0),
        area=area,
        alarms=alarms,
    )
