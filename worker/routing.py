"""Routing: the next window of a job is claimed, given its strategies, and committed as groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from db.breakers import list_open_breakers
from db.budgets import read_budget
from db.jobs import Job, read_job
from db.plans import NewGroup, commit_window
from db.predictions import Predictions
from db.progress import read_predicted_in_flight
from db.routed_cost import read_routed_cost
from db.session import run_in_transaction, session_scope
from db.states import JobKind, RequeueReason, StrategyMode
from db.windows import ClaimedWindow, claim_window
from worker.budget_backlog import BudgetBacklog
from worker.engine_loads import read_job_time
from worker.job_backlog import Unrouted
from worker.job_predictions import JobPredictions
from worker.least_worst import find_least_worst, sum_least
from worker.objective import Mode, Objective
from worker.prediction_rows import exclude, find_servable, join_rows, strike, take_rows
from worker.settings import Settings
from worker.window_choice import (
    Money,
    WindowChoice,
    choose_at_price,
    choose_guaranteed,
    choose_jointly,
    choose_weighted,
    find_affordable,
)

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


def open_routing(database: Engine, *, job: Job) -> RoutedJob:
    """The job made ready for routing."""
    predictions = JobPredictions(database, job=job)
    backlog = BudgetBacklog(database, job=job, predictions=predictions)
    return RoutedJob(job=job, predictions=predictions, backlog=backlog)


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
    job, own = routed.job, routed.predictions.of(window.seqs)
    least = find_least_worst(own) * job.promised
    out_of_service = routed.predictions.standing.out_of_service
    retired = [column for column, mode in out_of_service.items() if mode is StrategyMode.RETIRED]
    own = strike(_exclude_failed(own, job=job, window=window), columns=retired)
    possible = find_servable(own)
    left_alone = dict.fromkeys(out_of_service, OUT_OF_SERVICE_SECONDS) | _list_left_alone(database, job=job)
    struck = list(left_alone)
    own = strike(own, columns=struck)
    servable = find_servable(own)
    chosen = _choose(database, routed=routed, window=window, own=take_rows(own, servable), struck=struck, least=least)
    choice = np.full(len(window.seqs), -1, dtype=np.int64)
    choice[servable] = chosen.choice
    groups = list(_group(job, window.seqs, own, choice, size=settings.group_tasks, least=least))
    refused = _list_seqs(window, ~possible)
    unserved = _list_seqs(window, servable & (choice < 0))
    _commit(
        database,
        window=window,
        groups=groups,
        refused=refused,
        unserved=unserved,
        held=_list_seqs(window, possible & ~servable),
        held_seconds=min(left_alone.values(), default=0.0),
        chosen=chosen,
        least_given_up=sum_least(least[np.isin(window.seqs, [*refused, *unserved])]),
    )
    return Routed(window_id=window.id, tasks=len(window.seqs), groups=len(groups), unserved=len(unserved))


def _choose(
    database: Engine,
    *,
    routed: RoutedJob,
    window: ClaimedWindow,
    own: Predictions,
    struck: Sequence[int],
    least: NDArray[np.float64],
) -> WindowChoice:
    """The choice for the window's rows that can be served; `struck` are columns that serve nobody now."""
    objective = Objective.from_json(routed.job.objective)
    if not len(own.cost):
        return WindowChoice(choice=np.empty(0, dtype=np.int64), certificate=None, allowance=None)
    if any(task.reason is RequeueReason.DENIED for task in window.requeued):
        money = _read_money(database, job=routed.job)
        if money.cap is not None:
            kept_for_others = money.kept - min(money.kept, sum_least(least))
            return choose_guaranteed(own, kept_for_others=kept_for_others, money=money)
    time = read_job_time(database, job=routed.job)
    own_time = None if time is None else time.share(len(own.cost) / _count_unrouted(routed.job, window))
    if objective.mode is Mode.WEIGHT:
        return choose_weighted(own, objective=objective, time=own_time)
    rest = routed.backlog.find_rest(window)
    money = _read_money(database, job=routed.job)  # last: what is settled while the rest is read counts already
    if isinstance(rest, Unrouted):
        return choose_at_price(own, rest=rest, objective=objective, money=money, time=own_time)
    rest = strike(rest, columns=struck)
    together = join_rows([own, take_rows(rest, find_servable(rest))])
    return choose_jointly(together, window_tasks=len(own.cost), objective=objective, money=money, time=time)


def _count_unrouted(job: Job, window: ClaimedWindow) -> int:
    """The window's tasks, and those that no window has cut yet."""
    return len(window.seqs) + job.task_count - window.cursor_seq


def _route_every_arm(database: Engine, *, routed: RoutedJob, window: ClaimedWindow, settings: Settings) -> Routed:
    job = routed.job
    predictions = routed.predictions.of(window.seqs)
    money = _read_money(database, job=job)
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
    _commit(database, window=window, groups=groups, refused=refused, unserved=unserved, chosen=None)
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


def _read_money(database: Engine, *, job: Job) -> Money:
    with session_scope(database) as session:
        budget_id = read_job(session, job_id=job.id).budget_id  # another one than at first, once its period is over
        budget = read_budget(session, budget_id=budget_id)
        return Money(
            tasks=job.task_count,
            cap=budget.cap,
            settled=budget.spent,
            burned=budget.burned,
            reserved=budget.reserved,
            kept=budget.kept or 0,
            routed=read_routed_cost(session, budget_id=budget_id),
            in_flight=read_predicted_in_flight(session, budget_id=budget_id),
        )


def _list_left_alone(database: Engine, *, job: Job) -> dict[int, float]:
    """Seconds for which strategies that keep failing are left alone, by column."""
    with session_scope(database) as session:
        breakers = list_open_breakers(session, strategy_ids=job.strategy_ids)
    return {job.strategy_ids.index(breaker.strategy_id): breaker.seconds_left for breaker in breakers}


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
) -> Iterator[NewGroup]:
    """One group for each strategy, cut where it passes `size` tasks."""
    numbers = np.asarray(seqs)
    for column, strategy_id in enumerate(job.strategy_ids):
        rows = np.flatnonzero(choice == column)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            yield NewGroup(
                strategy_id=strategy_id,
                seqs=numbers[part].tolist(),
                amounts=_list_quanta(predictions.worst_cost[part, column]),
                least=_list_quanta(least[part]) if least is not None and job.promised else (),
                predicted_cost=int(predictions.cost[part, column].sum()),
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
    held: Sequence[int] = (),
    held_seconds: float = 0.0,
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
            least_given_up=least_given_up,
            shadow_price=None if proof is None else proof.shadow_price,
            allowance=None if chosen is None else chosen.allowance,
            predicted_cost=sum(group.predicted_cost for group in groups),
            upper_bound=None if proof is None else proof.upper_bound,
            gap=None if proof is None else proof.gap,
            engine_time=None if chosen is None or chosen.timed is None else chosen.timed.to_json(),
        ),
    )
