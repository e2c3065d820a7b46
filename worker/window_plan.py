"""What is planned for a window: the best choice for its tasks, and how it explores beside that."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from db.jobs import Job
from db.predictions import Predictions
from db.states import RequeueReason
from db.windows import ClaimedWindow
from router.engine_time import EngineTime
from worker.budget_backlog import BudgetBacklog
from worker.engine_loads import read_job_time
from worker.job_backlog import Unrouted
from worker.job_money import read_money
from worker.least_worst import sum_least
from worker.objective import Mode, Objective
from worker.prediction_rows import find_servable, join_rows, strike, take_rows
from worker.window_choice import (
    Money,
    WindowChoice,
    choose_at_price,
    choose_guaranteed,
    choose_jointly,
    choose_weighted,
)
from worker.window_exploration import WindowExploration, explore_window


class WindowPlan(NamedTuple):
    """What becomes of a window's tasks."""

    chosen: WindowChoice
    explored: WindowExploration | None = None  # None: each gets what is chosen

    @property
    def intended(self) -> NDArray[np.int64]:
        """(tasks,) column of the strategy, DEFERRED for none."""
        return self.chosen.choice if self.explored is None else self.explored.intended


def plan_window(
    database: Engine,
    *,
    job: Job,
    backlog: BudgetBacklog,
    window: ClaimedWindow,
    own: Predictions,
    struck: Sequence[int],
    least: NDArray[np.float64],
) -> WindowPlan:
    """The plan for the window's rows that can be served; `struck` are columns that serve nobody now."""
    objective = Objective.from_json(job.objective)
    if not len(own.cost):
        return WindowPlan(WindowChoice(choice=np.empty(0, dtype=np.int64), certificate=None, allowance=None))
    if any(task.reason is RequeueReason.DENIED for task in window.requeued):
        money = read_money(database, job=job)
        if money.cap is not None:
            kept_for_others = money.kept - min(money.kept, sum_least(least))
            return WindowPlan(choose_guaranteed(own, kept_for_others=kept_for_others, money=money))
    time = read_job_time(database, job=job)
    own_time = None if time is None else time.share(len(own.cost) / _count_unrouted(job, window))
    if objective.mode is Mode.WEIGHT:
        chosen = choose_weighted(own, objective=objective, time=own_time)
        return _explore(own, chosen, objective=objective, ratio=1.0, window=window)
    rest = backlog.find_rest(window)
    money = read_money(database, job=job)  # last: what is settled while the rest is read counts already
    if not isinstance(rest, Unrouted):
        rest = strike(rest, columns=struck)
        rest = take_rows(rest, find_servable(rest))
        own_time = time
    chosen = _choose_paid(own, rest, objective=objective, money=money, time=own_time)
    if chosen.certificate is None and objective.exploration is not None:  # all there is is needed
        objective = replace(objective, exploration=None)
        chosen = _choose_paid(own, rest, objective=objective, money=money, time=own_time)
    return _explore(own, chosen, objective=objective, ratio=money.ratio, window=window)


def _count_unrouted(job: Job, window: ClaimedWindow) -> int:
    """The window's tasks, and those that no window has cut yet."""
    return len(window.seqs) + job.task_count - window.cursor_seq


def _choose_paid(
    own: Predictions, rest: Unrouted | Predictions, *, objective: Objective, money: Money, time: EngineTime | None
) -> WindowChoice:
    if isinstance(rest, Unrouted):
        return choose_at_price(own, rest=rest, objective=objective, money=money, time=time)
    together = join_rows([own, rest])
    return choose_jointly(together, window_tasks=len(own.cost), objective=objective, money=money, time=time)


def _explore(
    own: Predictions, chosen: WindowChoice, *, objective: Objective, ratio: float, window: ClaimedWindow
) -> WindowPlan:
    """The plan with its draws. Tasks that came back are not drawn again."""
    if objective.exploration is None or window.requeued:
        return WindowPlan(chosen)
    seed = (window.job_id, window.id)  # who routes a window that another router lost draws the same lots
    return WindowPlan(chosen, explore_window(own, chosen, terms=objective.exploration, ratio=ratio, seed=seed))
