"""Night by night, as tables for a terminal."""

from collections.abc import Sequence

import numpy as np

from bench.decision_table import markdown
from bench.learning_results import Replay, measure_gain, measure_loss, measure_regret, measure_share
from bench.replay_policies import OWN
from bench.replay_scenarios import Scenario

SHOWN_NIGHTS = 5


def format_replay(replay: Replay) -> str:
    """One world: the area of the tasks held out after some of the nights, and the nights' own accuracy."""
    shown = np.unique(np.linspace(0, len(replay.world.nights) - 1, SHOWN_NIGHTS).round().astype(int))
    rows = []
    for policy in replay.nights:
        area, accuracy = replay.trace_area(policy), replay.trace_accuracy(policy)
        spend = np.mean([night.spend for night in replay.nights[policy]])
        cells = [f"{area[night]:.4f}" for night in shown]
        rows.append((policy, *cells, f"{100 * accuracy.mean():.1f}", f"{100 * spend:.0f} %"))
    heads = [f"night {night + 1}" for night in shown]
    return markdown(("policy", *heads, "accuracy of the nights", "of the budgets"), rows)


def format_scenario(replays: Sequence[Replay]) -> str:
    """All data sets of one scenario together."""
    rows = []
    for policy in replays[0].nights:
        regret, loss = measure_regret(replays, policy), measure_loss(replays, policy)
        rows.append(
            (
                policy,
                f"{100 * measure_gain(replays, policy):+.2f}",
                f"{measure_share(replays, policy):.0%}",
                f"{regret[0]:+.2f}",
                f"{regret[-1]:+.2f}",
                f"{regret.mean():+.2f}",
                f"{loss[0]:.2f}",
                f"{loss[1:].mean():.2f}",
            )
        )
    heads = ("gain", "of full information", "regret, first night", "last", "mean", "exploring, first night", "later")
    return markdown(("policy", *heads), rows)


def format_degraded(replays: Sequence[Replay]) -> str:
    """What became of the strategies that degraded."""
    rows = [
        (
            replay.world.table.name,
            f"{replay.count_until_alarm(OWN):.0f}",
            *(f"{replay.keep_traffic(policy):.0%}" for policy in replay.nights),
        )
        for replay in replays
        if replay.scenario is Scenario.DEGRADED
    ]
    return markdown(("data set", "noticed after", *(f"traffic left: {policy}" for policy in replays[0].nights)), rows)
