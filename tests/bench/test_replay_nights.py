"""Nights: a policy knows what it asked and nothing else, and what happens to strategies happens when it should."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from bench.replay_memory import PROBE, Memory
from bench.replay_nights import Learner, Night, run_nights
from bench.replay_policies import (
    APART,
    CONSTANT,
    FULL,
    GREEDY,
    NEIGHBOURS,
    NO_LEARNING,
    OWN,
    POLICIES,
    SAME,
    UNGATED,
)
from bench.replay_scenarios import DEARER, Scenario, stage
from bench.replay_training import Training
from bench.replay_window import Routed
from bench.replay_world import LEVELS, Answers, Rows, World, make_world
from router.predictor import PredictorConfig
from tests.bench.made_tables import make_table

QUERIES, PROBES, NIGHTS, TASKS = 300, 60, 2, 70
HOW = Training(PredictorConfig(members=2, folds=3, max_steps=20, cluster_restarts=2), seed=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Overheard(World):
    """A world that keeps which cells were told."""

    told: np.ndarray = field(default_factory=lambda: np.zeros((QUERIES, 2), dtype=bool))

    def answer(self, night: int, rows: Rows, choice: np.ndarray) -> Answers:
        self.told[rows, choice] = True
        return super().answer(night, rows, choice)


def make_nights(*, queries: int = QUERIES, tasks: int = TASKS, nights: int = NIGHTS, by_topic: bool = False) -> World:
    """Two kinds of tasks, each right for one of two strategies more often than for the other."""
    generator = np.random.default_rng(0)
    kind = np.arange(queries) % 2
    chance = np.where(kind[:, np.newaxis] == [0, 1], 0.8, 0.4)
    table = make_table((generator.random((queries, 2)) < chance).astype(float), category=kind.astype(np.str_))
    embeddings = (generator.normal(0, 0.2, (queries, 8)) + kind[:, np.newaxis]).astype(np.float32)
    return make_world(table, embeddings, nights=nights, tasks=tasks, probes=PROBES, by_topic=by_topic, seed=0)


def overhear(world: World) -> Overheard:
    return Overheard(**{name: getattr(world, name) for name in World.__dataclass_fields__})


@pytest.mark.parametrize(("name", "each", "together"), [(SAME, 35, 35), (APART, 35, 70), (FULL, 70, 70)])
def test_limits_are_told_as_many_outcomes_as_they_say(name: str, each: int, together: int) -> None:
    world = make_nights(nights=1)
    learner = Learner(world.vectors, POLICIES[name], strategies=2, how=HOW)
    told = [set(learner.list_told(world.nights[0], strategy).tolist()) for strategy in range(2)]
    assert [len(own) for own in told] == [each, each]
    assert len(set.union(*told)) == together


@pytest.mark.parametrize("name", [SAME, APART])
def test_limits_know_nothing_of_what_they_chose(name: str) -> None:
    world = overhear(make_nights(nights=1))
    learner = Learner(world.vectors, POLICIES[name], strategies=2, how=HOW)
    rows, answers = world.nights[0], world.answer(0, world.nights[0], np.zeros(TASKS, dtype=np.int64))
    choice = np.zeros(TASKS, dtype=np.int64)
    learner.settle(rows, Routed(choice, choice, np.eye(2)[choice]), answers, night=0)
    assert learner.memory.count_outcomes().sum() == 0


def list_traffic(nights: list[Night]) -> list[list[int]]:
    return [night.traffic.tolist() for night in nights]


@pytest.mark.parametrize("name", [NO_LEARNING, GREEDY, NEIGHBOURS, UNGATED, OWN])
def test_outcomes_that_nobody_asked_for_change_nothing(name: str) -> None:
    world = overhear(make_nights())
    routed = run_nights(world, POLICIES[name], HOW)
    assert not world.told[world.held_out].any()
    others = replace(
        world.table, correct=np.where(world.told, world.table.correct, 1 - world.table.correct)
    )  # costs stay: budgets are made of them
    again = run_nights(replace(world, table=others), POLICIES[name], HOW)
    assert list_traffic(again) == list_traffic(routed)
    assert [night.alarms for night in again] == [night.alarms for night in routed]


def test_full_information_is_told_what_was_not_chosen() -> None:
    world = overhear(make_nights())
    run_nights(world, POLICIES[FULL], HOW)
    assert world.told[np.concatenate([world.probes, *world.nights])].all()
    assert not world.told[world.held_out].any()


def test_only_probes_are_told_to_who_does_not_learn() -> None:
    world = overhear(make_nights())
    nights = run_nights(world, POLICIES[NO_LEARNING], HOW)
    assert nights[0].area == nights[1].area


def test_nights_probes_and_what_is_held_out_have_no_task_in_common() -> None:
    world = make_nights()
    parts = [world.probes, *world.nights, world.held_out]
    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together)
    assert [len(rows) for rows in world.nights] == [TASKS] * NIGHTS


def test_a_small_set_comes_again_when_all_of_it_was_asked() -> None:
    world = make_nights(tasks=100, nights=5)
    asked = np.concatenate(world.nights)
    stream = QUERIES - len(world.held_out) - PROBES
    assert len(np.unique(asked[:stream])) == len(np.unique(asked)) == stream
    assert len(asked) == 500


def test_by_topic_the_second_kind_comes_when_the_first_is_over() -> None:
    world = make_nights(by_topic=True)
    kinds = np.concatenate([world.table.category[rows] for rows in world.nights])
    assert (kinds == np.sort(kinds)).all()


def test_budgets_lie_between_all_cheapest_and_best_single() -> None:
    world = make_nights()
    for level, window in zip(LEVELS, world.divide_night(0), strict=True):
        costs = world.table.cost[window.rows].sum(axis=0)
        least, most = (costs[0], costs[world.best]) if world.best != world.cheapest else (costs[0], costs.max())
        assert window.budget == pytest.approx(least + level * (most - least))


def test_a_degraded_strategy_answers_like_its_stand_in_at_its_own_cost() -> None:
    world = stage(make_nights(), Scenario.DEGRADED)
    (degraded, stand_in), rows = next(iter(world.changes.stand_ins.items())), world.nights[1]
    before, after = (world.answer(night, rows, np.full(len(rows), degraded)) for night in (0, 1))
    assert np.array_equal(before.correct, world.table.correct[rows, degraded])
    assert np.array_equal(after.correct, world.table.correct[rows, stand_in.strategy])
    assert np.array_equal(after.amount, world.table.cost[rows, degraded])


def test_a_price_rises_in_the_middle_and_budgets_do_not() -> None:
    world = stage(make_nights(), Scenario.DEARER)
    assert world.find_prices(0).tolist() == [1, 1]
    assert world.find_prices(1)[world.best] == DEARER
    assert next(iter(world.divide_night(1))).budget == next(iter(make_nights().divide_night(1))).budget


def test_an_answer_given_again_replaces_the_first_and_old_ones_are_forgotten() -> None:
    memory = Memory(np.zeros((3, 2), dtype=np.float32), strategies=2)
    rows, choice = np.array([0, 1]), np.array([1, 1])
    memory.note(rows, choice, Answers(np.array([1.0, 0.0]), np.array([2.0, 3.0])), chance=0.5, night=0)
    memory.note(rows[:1], choice[:1], Answers(np.array([0.0]), np.array([4.0])), chance=1.0, night=2)
    assert memory.count_outcomes().tolist() == [0, 2]
    assert memory.told.tolist() == [0, 3]
    assert memory.correct[0, 1] == 0
    assert memory.window[:, 1].tolist() == [0, 0, -1]  # a champion that learnt between the two knows the task
    assert memory.find_dearest().tolist() == [0, 4]
    memory.forget(1, before=2)
    assert memory.find_rows(1).tolist() == [0]
    assert memory.told.tolist() == [0, 1]


def test_the_constant_router_mixes_fixed_strategies() -> None:
    world = make_nights()
    night = run_nights(world, POLICIES[CONSTANT], HOW)[0]
    assert night.accuracy == night.unexplored
    assert night.explored == 0


def test_a_new_pair_serves_where_it_is_proven_and_only_there() -> None:
    world = make_nights(queries=1_000)
    learner = Learner(world.vectors, POLICIES[OWN], strategies=2, how=HOW)
    for strategy in (0, 1):
        asked = np.full(PROBES, strategy)
        learner.memory.note(world.probes, asked, world.answer(0, world.probes, asked), chance=PROBE, night=0)
    learner.learn()
    first = dict(learner.champions)
    learner.learn()  # nothing is new
    assert [learner.champions[place].trained is first[place].trained for place in (0, 1)] == [True, True]
    rows = np.setdiff1d(np.arange(1_000), np.concatenate([world.probes, world.held_out]))
    for window in np.array_split(rows, 8):  # the first strategy always fails from now on
        failed = Answers(np.zeros(len(window)), np.ones(len(window)))
        learner.memory.note(window, np.zeros(len(window), dtype=np.int64), failed, chance=1.0, night=1)
    learner.learn()
    assert [learner.champions[place].trained is first[place].trained for place in (0, 1)] == [False, True]
    assert learner.predict(world.vectors[world.held_out]).accuracy[:, 0].mean() < 0.3


def test_what_was_forgotten_is_recalled_but_for_what_was_asked_again() -> None:
    memory = Memory(np.zeros((4, 2), dtype=np.float32), strategies=1)
    rows, asked = np.arange(3), np.zeros(3, dtype=np.int64)
    memory.note(rows, asked, Answers(np.array([1.0, 0.0, 1.0]), np.ones(3)), chance=0.5, night=0)
    memory.forget(0, before=1)
    assert memory.told[0] == 0
    memory.note(np.array([1]), asked[:1], Answers(np.ones(1), np.ones(1)), chance=1.0, night=1)
    memory.recall(0)
    memory.recall(0)
    assert memory.find_rows(0).tolist() == [0, 1, 2]
    assert memory.correct[:3, 0].tolist() == [1.0, 1.0, 1.0]
    assert memory.chance[:3, 0].tolist() == [0.5, 1.0, 0.5]
    assert memory.told[0] == 3
