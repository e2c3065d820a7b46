"""Gains, regrets and what became of a degraded strategy, against values worked out by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.learning_goals import compare_with_goals
from bench.learning_plot import plot_replays
from bench.learning_results import Replay, measure_gain, measure_loss, measure_regret, measure_share
from bench.replay_nights import Night
from bench.replay_policies import CONSTANT, FULL, OWN, POLICIES
from bench.replay_scenarios import Scenario
from bench.replay_watch import Noticed
from bench.replay_world import QUIET, Changes, StandIn, World
from router.drift.watch import Broken
from tests.bench.made_tables import make_table

NIGHT = Night(accuracy=0.5, unexplored=0.5, spend=1.0, explored=0.0, traffic=np.array([60, 40]), area=0.5, alarms=[])


def make_replay(*, own: list[Night], full: list[Night], constant: list[Night], changes: Changes = QUIET) -> Replay:
    nothing = np.zeros(0, dtype=np.intp)
    world = World(
        table=make_table(np.ones((4, 2)), category=np.array(["a"] * 4)),
        vectors=np.zeros((4, 2), dtype=np.float32),
        probes=nothing,
        nights=[nothing] * len(own),
        held_out=nothing,
        changes=changes,
    )
    scenario = Scenario.DEGRADED if changes.stand_ins else Scenario.QUIET
    return Replay(world=world, scenario=scenario, nights={OWN: own, CONSTANT: constant, FULL: full})


def make_quiet() -> Replay:
    own = [replace(NIGHT, accuracy=0.5, unexplored=0.508, area=0.55), replace(NIGHT, unexplored=0.501, area=0.58)]
    return make_replay(own=own, full=[replace(NIGHT, accuracy=0.6, area=0.6)] * 2, constant=[NIGHT] * 2)


def test_the_share_is_of_the_mean_gain_in_the_last_night() -> None:
    small = make_replay(own=[NIGHT] * 2, full=[replace(NIGHT, area=0.52)] * 2, constant=[NIGHT] * 2)
    assert measure_gain([make_quiet()], OWN) == pytest.approx(0.08)
    assert measure_share([make_quiet()], OWN) == pytest.approx(0.8)
    assert measure_share([make_quiet(), small], OWN) == pytest.approx(0.04 / 0.06)
    assert np.isnan(measure_share([make_replay(own=[NIGHT], full=[NIGHT], constant=[NIGHT])], OWN))


def test_regret_and_what_exploring_costs_are_points_of_the_nights() -> None:
    assert measure_regret([make_quiet()], OWN) == pytest.approx([10, 10])
    assert measure_loss([make_quiet()], OWN) == pytest.approx([0.8, 0.1])
    figures = compare_with_goals([make_quiet()])
    json.dumps(figures)  # of numbers that JSON knows
    met = [figure.met for figure in figures]
    assert met == [False, True, True]


def test_outcomes_until_an_alarm_count_from_when_the_strategy_degraded() -> None:
    changes = Changes(joins={}, prices={}, stand_ins={1: StandIn(1, 0)})
    others = [Noticed(0, Broken.WORSE, 70), Noticed(1, Broken.DEARER, 45), Noticed(1, Broken.WORSE, 46, withdraws=True)]
    own = [NIGHT, replace(NIGHT, alarms=[*others, Noticed(1, Broken.WORSE, 52)], traffic=np.array([90, 10]))]
    full = [NIGHT, replace(NIGHT, traffic=np.array([92, 8]))]
    replay = make_replay(own=own, full=full, constant=[NIGHT] * 2, changes=changes)
    assert replay.count_until_alarm(OWN) == 12
    assert replay.count_until_alarm(FULL) == np.inf
    assert replay.keep_traffic(OWN) == pytest.approx(0.25)
    assert [figure.value for figure in compare_with_goals([replay])] == pytest.approx([12, 5])


def test_every_policy_can_be_drawn(tmp_path: Path) -> None:
    quiet = make_quiet()
    everybody = replace(quiet, nights=dict.fromkeys(POLICIES, quiet.nights[OWN]))
    plot_replays({Scenario.QUIET: [everybody]}, path=tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
