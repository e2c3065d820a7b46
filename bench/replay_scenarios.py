"""What happens while a router learns."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

import numpy as np

from bench.replay_world import Changes, Price, StandIn, World

DEARER = 3.0  # times


class Scenario(StrEnum):
    """Each in the middle of the nights, but for the first and the last."""

    QUIET = "quiet"  # nothing happens
    ADDED = "added"  # the second most accurate strategy arrives, and answers the probes
    DEGRADED = "degraded"  # the most accurate one does what the least accurate one does, and nobody says so
    DEARER = "dearer"  # the price of the most accurate one rises threefold, and budgets do not
    TOPICS = "topics"  # tasks come subject by subject


def stage(world: World, scenario: Scenario) -> World:
    """The world in which that happens; topics are the order in which it was made."""
    middle = len(world.nights) // 2
    return replace(world, changes=CHANGES[scenario](world, middle))


def _nothing(world: World, middle: int) -> Changes:
    return world.changes


def _add(world: World, middle: int) -> Changes:
    by_accuracy = np.argsort(world.table.correct[world.probes].mean(axis=0), kind="stable")
    newcomer = next(int(strategy) for strategy in by_accuracy[-2::-1] if strategy != world.cheapest)
    return replace(world.changes, joins={newcomer: middle})


def _degrade(world: World, middle: int) -> Changes:
    worst = int(world.table.correct[world.probes].mean(axis=0).argmin())
    return replace(world.changes, stand_ins={world.best: StandIn(middle, worst)})


def _raise_price(world: World, middle: int) -> Changes:
    return replace(world.changes, prices={world.best: Price(middle, DEARER)})


CHANGES: dict[Scenario, Callable[[World, int], Changes]] = {
    Scenario.QUIET: _nothing,
    Scenario.ADDED: _add,
    Scenario.DEGRADED: _degrade,
    Scenario.DEARER: _raise_price,
    Scenario.TOPICS: _nothing,
}
