"""Which alternatives a core has, and in which order."""

import numpy as np

from router.core import Core, gather_core
from router.free_steps import NONE_FREE, FreeSteps
from router.instance import make_instance

SHORTFALL = 0.25  # what every upgrade loses at a price of 1


def gather(extra_cost: list[float], steps: FreeSteps = NONE_FREE) -> Core:
    """The core of tasks with one upgrade each, none of which is taken."""
    cost = np.stack([np.ones(len(extra_cost)), 1 + np.array(extra_cost)], axis=1)
    value = np.stack([np.zeros(len(extra_cost)), np.array(extra_cost) - SHORTFALL], axis=1)
    return gather_core(
        make_instance(value, cost), np.zeros(len(extra_cost), np.int64), steps, price=1.0, limit=2 * SHORTFALL
    )


def test_tasks_that_are_alike_stay_together() -> None:
    core = gather([1.0, 2.0, 4.0] * 20)
    assert core.complete
    assert np.count_nonzero(np.diff(core.alternatives.extra_cost)) == 2


def test_equals_are_mixed() -> None:
    core = gather([float(cost) for cost in range(1, 61)])
    assert sorted(core.alternatives.task.tolist()) == list(range(60))
    assert 20 < np.count_nonzero(np.diff(core.alternatives.task) > 0) < 40


def test_free_steps_are_left_out() -> None:
    steps = NONE_FREE._replace(cost=2.0, gain=2.0 - SHORTFALL)
    core = gather([1.0, 2.0, 4.0], steps)
    assert core.alternatives.extra_cost.tolist() in ([1.0, 4.0], [4.0, 1.0])
