"""What is planned for a window: the best choice for its tasks, and how it explores beside that."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from db.jobs import Job
from db.predictions import Predictions
from db.states import RequeueReason
from db.trial_predictions import TrialPredictions
from db.windows import ClaimedWindow
from router.engine_time import EngineTime
from worker.budget_backlog import BudgetBacklog
from worker.engine_loads import read_job_time
from worker.exploration_pace import ExplorationPace
from worker.exploration_terms import ExplorationTerms
from worker.job_backlog import Unrouted
from worker.job_money import read_money
from worker.least_worst import sum_least
from worker.objective import Mode, Objective
from worker.prediction_rows import find_servable, join_rows, strike, take_rows, widen
from worker.second_chance_offer import add_kept_engine
from worker.window_choice import (
    Money,
    WindowChoice,
    choose_at_price,
    choose_guaranteed,
    choose_jointly,
    choose_weighted,
)
from worker.window_exploration import WindowExploration, explore_window
from worker.window_trial import WindowTrial, try_window


class WindowPlan(NamedTuple):
    """What becomes of a window's tasks."""

    chosen: WindowChoice
    explored: WindowExploration | None = None  # None: each gets what is chosen
    tried: WindowTrial | None = None  # None: nothing is on trial; its lots are among the draws

    @property
    def intended(self) -> NDArray[np.int64]:
        """(tasks,) column of the strategy, DEFERRED for none."""
        return self.chosen.choice if self.explored is None else self.explored.intended


def plan_window(
    database: Engine,
    *,
    job: Job,
    backlog: BudgetBacklog,
    pace: ExplorationPace,
    window: ClaimedWindow,
    own: Predictions,
    struck: Sequence[int],
    least: NDArray[np.float64],
    tried: TrialPredictions | None,
) -> WindowPlan:
    """The plan for the window's rows that can be served; `struck` are columns that serve nobody now.

    `tried` is what challengers predict for these rows; None: none of them goes by lot.
    """
    plan = _plan_best(database, job=job, backlog=backlog, pace=pace, window=window, own=own, struck=struck, least=least)
    if tried is None:
        return plan
    objective, seed = Objective.from_json(job.objective), (window.job_id, window.id)
    trial = try_window(own, tried, chosen=plan.chosen, objective=objective, seed=seed)
    if trial is None:
        return plan
    return WindowPlan(plan.chosen, trial.join(plan.explored, strategies=own.cost.shape[1]), trial)


def _plan_best(
    database: Engine,
    *,
    job: Job,
    backlog: BudgetBacklog,
    pace: ExplorationPace,
    window: ClaimedWindow,
    own: Predictions,
    struck: Sequence[int],
    least: NDArray[np.float64],
) -> WindowPlan:
    """The best choice and its draws. Tasks that came back are not drawn again."""
    objective = Objective.from_json(job.objective)
    if not len(own.cost):
        return WindowPlan(WindowChoice(choice=np.empty(0, dtype=np.int64), certificate=None, allowance=None))
    if any(task.reason is RequeueReason.DENIED for task in window.requeued):
        money = read_money(database, job=job)
        if money.cap is not None:
            kept_for_others = money.kept - min(money.kept, sum_least(least))
            deferral = objective.deferral
            return WindowPlan(choose_guaranteed(own, kept_for_others=kept_for_others, money=money, deferral=deferral))
    has_offers = own.cost.shape[1] > len(job.strategy_ids)  # its last column is that of kept answers
    time = read_job_time(database, job=job)
    if time is not None and has_offers:
        time = add_kept_engine(time)
    own_time = None if time is None else time.share(len(own.cost) / _count_unrouted(job, window))
    terms = None if window.requeued else objective.exploration
    if objective.mode is Mode.WEIGHT:
        chosen = choose_weighted(own, objective=objective, time=own_time)
        return _explore(own, lambda _: chosen, terms=terms, pace=pace, ratio=1.0, seed=(job.id, window.id))
    rest = backlog.find_rest(window)
    if not isinstance(rest, Unrouted):
        rest, own_time = strike(widen(rest) if has_offers else rest, columns=struck), time
    money = read_money(database, job=job)  # last: what is settled while the rest is read counts already

    def choose(terms: ExplorationTerms | None) -> WindowChoice:
        return _choose_paid(own, rest, objective=replace(objective, exploration=terms), money=money, time=own_time)

    return _explore(own, choose, terms=terms, pace=pace, ratio=money.ratio, seed=(job.id, window.id))


def _count_unrouted(job: Job, window: ClaimedWindow) -> int:
    """The window's tasks, and those that no window has cut yet."""
    return len(window.seqs) + job.task_count - window.cursor_seq


def _choose_paid(
    own: Predictions, rest: Unrouted | Predictions, *, objective: Objective, money: Money, time: EngineTime | None
) -> WindowChoice:
    if isinstance(rest, Unrouted):
        return choose_at_price(own, rest=rest, objective=objective, money=money, time=time)
    together = join_rows([own, take_rows(rest, find_servable(rest))])
    return choose_jointly(together, window_tasks=len(own.cost), objective=objective, money=money, time=time)


def _explore(
    own: Predictions,
    choose: Callable[[ExplorationTerms | None], WindowChoice],
    *,
    terms: ExplorationTerms | None,
    pace: ExplorationPace,
    ratio: float,
    seed: tuple[int, int],
) -> WindowPlan:
    """The choice with its draws; as much is set aside as exploring can use, and nothing where it can use nothing.

    What there is to try, and what that may cost, is known of a choice: where no window before says how much is enough,
    a first choice does, with all set aside that may be. Who routes a window that another router lost has its seed.
    """
    if terms is None:
        return WindowPlan(choose(None))
    expected = pace.expect(terms)
    first = choose(expected or terms)
    draft = _draw(own, first, terms=terms, under=expected or terms, ratio=ratio, seed=seed)
    enough = pace.note(terms, None if draft is None else draft.share_used)
    if draft is not None and expected is not None:
        return WindowPlan(first, draft)
    chosen = choose(enough)
    if enough is None:
        return WindowPlan(chosen)
    return WindowPlan(chosen, _draw(own, chosen, terms=terms, under=enough, ratio=ratio, seed=seed))


def _draw(
    own: Predictions,
    chosen: WindowChoice,
    *,
    terms: ExplorationTerms,
    under: ExplorationTerms,
    ratio: float,
    seed: tuple[int, int],
) -> WindowExploration | None:
    """Draws beside a choice that was made `under` its terms; no task may cost more than could be set aside in all."""
    if chosen.allowance is None:
        return explore_window(own, chosen, terms=under, ratio=ratio, seed=seed)
    dearest = terms.share * chosen.allowance / (1 - under.share)
    return explore_window(own, chosen, terms=under, ratio=ratio, dearest=dearest, seed=seed)
