"""What nights came to: gains, regret, what exploring cost, and what became of a strategy that degraded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.replay_nights import Night
from bench.replay_policies import CONSTANT, FULL
from bench.replay_scenarios import Scenario
from bench.replay_world import World
from router.drift.watch import Broken

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay:
    """Every policy's nights in one world."""

    world: World
    scenario: Scenario
    nights: Mapping[str, Sequence[Night]]  # by policy

    def trace_area(self, policy: str) -> Floats:
        """Of the tasks held out (nights,)."""
        return np.array([night.area for night in self.nights[policy]])

    def trace_accuracy(self, policy: str) -> Floats:
        """Of the nights' own tasks (nights,)."""
        return np.array([night.accuracy for night in self.nights[policy]])

    def trace_loss(self, policy: str) -> Floats:
        """Accuracy points that exploring cost (nights,)."""
        return np.array([100 * (night.unexplored - night.accuracy) for night in self.nights[policy]])

    def trace_traffic(self, policy: str, strategy: int) -> Floats:
        """A strategy's share of the tasks (nights,)."""
        return np.array([night.traffic[strategy] / night.traffic.sum() for night in self.nights[policy]])

    def count_until_alarm(self, policy: str) -> float:
        """Outcomes of the strategy that degraded until somebody noticed; infinite where nobody did."""
        ((strategy, stand_in),) = self.world.changes.stand_ins.items()
        before = sum(int(night.traffic[strategy]) for night in self.nights[policy][: stand_in.night])
        for night in self.nights[policy][stand_in.night :]:
            for alarm in night.alarms:
                if alarm.strategy == strategy and alarm.broken is Broken.WORSE and not alarm.withdraws:
                    return float(alarm.answered - before)
        return np.inf

    def keep_traffic(self, policy: str) -> float:
        """What the strategy that degraded has left in the last night of its tasks in the nights before."""
        ((strategy, stand_in),) = self.world.changes.stand_ins.items()
        shares = self.trace_traffic(policy, strategy)
        return float(shares[-1] / shares[: stand_in.night].mean())


def measure_gain(replays: Sequence[Replay], policy: str) -> float:
    """Mean area over the constant router's after the last night."""
    return float(np.mean([replay.trace_area(policy)[-1] - replay.trace_area(CONSTANT)[-1] for replay in replays]))


def measure_share(replays: Sequence[Replay], policy: str) -> float:
    """The mean gain as a share of that of full information; NaN where that gains nothing."""
    most = measure_gain(replays, FULL)
    return measure_gain(replays, policy) / most if most > 0 else float("nan")


def measure_regret(replays: Sequence[Replay], policy: str) -> Floats:
    """Accuracy points by which the nights' own tasks fall behind full information (nights,)."""
    return np.asarray(
        100 * np.mean([replay.trace_accuracy(FULL) - replay.trace_accuracy(policy) for replay in replays], axis=0)
    )


def measure_loss(replays: Sequence[Replay], policy: str) -> Floats:
    """Accuracy points that exploring cost (nights,)."""
    return np.asarray(np.mean([replay.trace_loss(policy) for replay in replays], axis=0))
