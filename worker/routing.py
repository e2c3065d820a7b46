"""Routing: the next window of a job is claimed, given its strategies, and committed as groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from db.breakers import list_open_breakers
from db.explorations import NewExploration
from db.jobs import Job
from db.plans import NewGroup, commit_window
from db.predictions import Predictions
from db.session import run_in_transaction, session_scope
from db.states import JobKind, RequeueReason, StrategyMode
from db.trial_windows import NewLots
from db.windows import ClaimedWindow, claim_window
from router.allocation import DEFERRED
from worker.budget_backlog import BudgetBacklog
from worker.exploration_pace import ExplorationPace
from worker.job_money import read_money
from worker.job_predictions import JobPredictions
from worker.job_trial import JobTrial
from worker.least_worst import find_least_worst, sum_least
from worker.objective import Objective
from worker.prediction_rows import exclude, find_servable, strike, take_rows
from worker.second_chance_offer import find_offers, offer_kept
from worker.settings import Settings
from worker.window_choice import WindowChoice, find_affordable
from worker.window_plan import plan_window

Number = TypeVar("Number", np.int64, np.float32)

OUT_OF_SERVICE_SECONDS = 10.0  # then tasks that only such strategies can serve are looked at again


@dataclass(frozen=True, kw_only=True)
class Routed:
    """One routed window, for progress and logs."""

    window_id: int
    tasks: int
    groups: int
    unserved: int


@dataclass(frozen=True, kw_only=True, eq=False)
class RoutedJob:
    """What routing knows of a job from its start to its end."""

    job: Job  # as it stood when the process began to work on it
    predictions: JobPredictions
    backlog: BudgetBacklog
    trial: JobTrial
    pace: ExplorationPace


def open_routing(database: Engine, *, job: Job) -> RoutedJob:
    """The job made ready for routing."""
    predictions = JobPredictions(database, job=job)
    backlog = BudgetBacklog(database, job=job, predictions=predictions)
    return RoutedJob(
        job=job, predictions=predictions, backlog=backlog, trial=JobTrial(database, job=job), pace=ExplorationPace()
    )


def route_next_window(database: Engine, *, routed: RoutedJob, owner: str, settings: Settings) -> Routed | None:
    """Route the job's next window; a task that nothing can serve gets its reason.

    None when there is no window to route.
    """
    job = routed.job
    size = settings.window_size(job.task_count)
    window = run_in_transaction(
        database,
        lambda session: claim_window(
            session, job_id=job.id, size=size, owner=owner, lease_seconds=settings.lease_seconds
        ),
    )
    if window is None:
        return None
    if job.kind is JobKind.RUN:
        return _route_run(database, routed=routed, window=window, settings=settings)
    return _route_every_arm(database, routed=routed, window=window, settings=settings)


def _route_run(database: Engine, *, routed: RoutedJob, window: ClaimedWindow, settings: Settings) -> Routed:
    job, own, offered = routed.job, routed.predictions.of(window.seqs), find_offers(window)
    least = find_least_worst(own) * job.promised * ~offered  # a task that has an answer is promised none
    own = _find_open(own, routed=routed, window=window, offered=offered)
    possible, left_alone = find_servable(own), _list_left_alone(database, routed=routed)
    own = strike(own, columns=list(left_alone))
    servable = find_servable(own)
    plan = plan_window(
        database,
        job=job,
        backlog=routed.backlog,
        pace=routed.pace,
        window=window,
        own=take_rows(own, servable),
        struck=list(left_alone),
        least=least,
        tried=routed.trial.of(window, rows=servable),
    )
    choice = _spread(plan.intended, servable, elsewhere=DEFERRED)
    chances = None if plan.explored is None else _spread(plan.explored.chances, servable, elsewhere=1)
    drawn = list(_group(job, window.seqs, own, choice, size=settings.group_tasks, least=least, chances=chances))
    groups = _forget_chances(drawn) if window.requeued else drawn
    refused, unserved = _list_seqs(window, ~possible), _list_seqs(window, servable & (choice < 0))
    _commit(
        database,
        window=window,
        groups=groups,
        refused=refused,
        unserved=unserved,
        held=_list_seqs(window, possible & ~servable),
        held_seconds=min(left_alone.values(), default=0.0),
        kept=_list_seqs(window, choice == len(job.strategy_ids)),
        planned_cost=_sum_planned(groups, own, choice, offered=offered),
        chosen=plan.chosen,
        exploration=None if plan.explored is None else plan.explored.to_rows(servable),
        lots=None if plan.tried is None else plan.tried.to_rows(np.asarray(window.seqs)[servable]),
        least_given_up=sum_least(least[np.isin(window.seqs, [*refused, *unserved])]),
    )
    return Routed(window_id=window.id, tasks=len(window.seqs), groups=len(groups), unserved=len(unserved))


def _forget_chances(groups: Sequence[NewGroup]) -> list[NewGroup]:
    """Of tasks that were sent elsewhere by what happened to them: no draw says with what chance."""
    return [replace(group, propensities=None) for group in groups]


def _find_open(
    own: Predictions, *, routed: RoutedJob, window: ClaimedWindow, offered: NDArray[np.bool_]
) -> Predictions:
    """The window's predictions by what has happened to its tasks; where some have a kept answer, that is a column."""
    terms = Objective.from_json(routed.job.objective).second_chances if offered.any() else None
    if terms is not None:
        weight = routed.predictions.weight_of(window.seqs)
        own = offer_kept(own, job=routed.job, window=window, terms=terms, weight=weight)
    modes = routed.predictions.standing.out_of_service
    retired = [column for column, mode in modes.items() if mode is StrategyMode.RETIRED]
    return strike(_exclude_failed(own, job=routed.job, window=window), columns=retired)


def _sum_planned(
    groups: Sequence[NewGroup], own: Predictions, choice: NDArray[np.int64], *, offered: NDArray[np.bool_]
) -> int:
    """What first answers are predicted to cost. A second one's cost shows as their costing more than that, as it does.

    So the ratio of settled to predicted cost, by which all money is planned, keeps back what later tasks' second
    chances will take.
    """
    rows = np.flatnonzero(offered & (choice >= 0))
    again = int(own.cost[rows, choice[rows]].sum())
    return max(0, sum(group.predicted_cost for group in groups) - again)


def _spread(values: NDArray[Number], served: NDArray[np.bool_], *, elsewhere: float) -> NDArray[Number]:
    """(tasks of the window,) from those of its tasks that can be served."""
    spread = np.full(len(served), elsewhere, dtype=values.dtype)
    spread[served] = values
    return spread


def _route_every_arm(database: Engine, *, routed: RoutedJob, window: ClaimedWindow, settings: Settings) -> Routed:
    job = routed.job
    predictions = routed.predictions.of(window.seqs)
    money = read_money(database, job=job)
    able = ~np.isnan(predictions.cost)  # (tasks, strategies)
    wanted = _list_wanted_arms(job, window)  # (tasks, strategies)
    served = able & wanted
    if any(task.reason is RequeueReason.DENIED for task in window.requeued):
        served &= find_affordable(predictions.worst_cost, served, money=money)
    groups = [
        group
        for column in range(len(job.strategy_ids))
        for group in _group(
            job, window.seqs, predictions, np.where(served[:, column], column, -1), size=settings.group_tasks
        )
    ]
    refused = _list_seqs(window, (wanted & ~able).any(axis=1))
    unserved = _list_seqs(window, (wanted & able & ~served).any(axis=1))
    _commit(
        database,
        window=window,
        groups=groups,
        refused=refused,
        unserved=unserved,
        chosen=None,
        planned_cost=sum(group.predicted_cost for group in groups),
    )
    return Routed(window_id=window.id, tasks=len(window.seqs), groups=len(groups), unserved=len(unserved))


def _list_seqs(window: ClaimedWindow, rows: NDArray[np.bool_]) -> list[int]:
    named: list[int] = np.asarray(window.seqs)[rows].tolist()
    return named


def _list_wanted_arms(job: Job, window: ClaimedWindow) -> NDArray[np.bool_]:
    """(tasks, strategies): in a window of tasks that came back, only the arms that did."""
    if not window.requeued:
        return np.ones((len(window.seqs), len(job.strategy_ids)), dtype=bool)
    back = {(task.seq, task.arm) for task in window.requeued}
    return np.array([[(seq, arm) in back for arm in job.strategy_ids] for seq in window.seqs])


def _list_left_alone(database: Engine, *, routed: RoutedJob) -> dict[int, float]:
    """Seconds for which strategies that keep failing, or are out of service, are left alone, by column."""
    ids, out_of_service = routed.job.strategy_ids, routed.predictions.standing.out_of_service
    with session_scope(database) as session:
        breakers = list_open_breakers(session, strategy_ids=ids)
    failing = {ids.index(breaker.strategy_id): breaker.seconds_left for breaker in breakers}
    return dict.fromkeys(out_of_service, OUT_OF_SERVICE_SECONDS) | failing


def _exclude_failed(predictions: Predictions, *, job: Job, window: ClaimedWindow) -> Predictions:
    row_of = {seq: row for row, seq in enumerate(window.seqs)}
    column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
    failed = [
        (row_of[task.seq], [column_of[strategy_id] for strategy_id in task.excluded_strategy_ids])
        for task in window.requeued
        if task.excluded_strategy_ids
    ]
    return exclude(predictions, failed) if failed else predictions


def _group(
    job: Job,
    seqs: Sequence[int],
    predictions: Predictions,
    choice: NDArray[np.int64],
    *,
    size: int,
    least: NDArray[np.float64] | None = None,
    chances: NDArray[np.float32] | None = None,
) -> Iterator[NewGroup]:
    """One group for each strategy, cut evenly past `size` tasks; `chances` (tasks,) are those of the choice."""
    numbers = np.asarray(seqs)
    for column, strategy_id in enumerate(job.strategy_ids):
        rows = np.flatnonzero(choice == column)
        for part in np.array_split(rows, -(-len(rows) // size)) if len(rows) else ():  # a rest costs as a whole one
            yield NewGroup(
                strategy_id=strategy_id,
                seqs=numbers[part].tolist(),
                amounts=_list_quanta(predictions.worst_cost[part, column]),
                least=_list_quanta(least[part]) if least is not None and job.promised else (),
                predicted_cost=int(predictions.cost[part, column].sum()),
                propensities=() if chances is None else chances[part],
            )


def _list_quanta(amounts: NDArray[np.float64]) -> list[int]:
    return list(map(int, amounts.tolist()))  # exact: some pass what an int64 holds


def _commit(
    database: Engine,
    *,
    window: ClaimedWindow,
    groups: Sequence[NewGroup],
    refused: Sequence[int],
    unserved: Sequence[int],
    chosen: WindowChoice | None,
    planned_cost: int,
    held: Sequence[int] = (),
    held_seconds: float = 0.0,
    kept: Sequence[int] = (),
    exploration: NewExploration | None = None,
    lots: NewLots | None = None,
    least_given_up: int = 0,
) -> None:
    proof = None if chosen is None else chosen.certificate
    run_in_transaction(
        database,
        lambda session: commit_window(
            session,
            window_id=window.id,
            fence=window.fence,
            groups=groups,
            unserved=unserved,
            not_eligible=refused,
            held=held,
            held_seconds=held_seconds,
            kept=kept,
            least_given_up=least_given_up,
            exploration=exploration,
            lots=lots,
            shadow_price=None if proof is None else proof.shadow_price,
            allowance=None if chosen is None else chosen.allowance,
            predicted_cost=planned_cost,
            upper_bound=None if proof is None else proof.upper_bound,
            gap=None if proof is None else proof.gap,
            engine_time=None if chosen is None or chosen.timed is None else chosen.timed.to_json(),
        ),
    )
