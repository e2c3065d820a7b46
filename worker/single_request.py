"""One request that is answered while somebody waits: a job of one task, through the ledger like any other.

It is stored, routed, claimed and reserved for in one transaction, so that nobody else ever sees it waiting.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.groups import ClaimedGroup, claim_group, finish_group
from db.jobs import read_job
from db.plans import NewGroup, commit_window
from db.predictions import Predictions
from db.reservations import reserve_batch
from db.settlements import NewOutcome, settle_batch
from db.tasks import NewTask
from db.windows import claim_window
from router.units import Amount, Unit, format_amount
from worker.attempt import Assigned
from worker.errors import BudgetTooSmall
from worker.least_worst import find_least_worst, sum_least
from worker.objective import Mode, Objective, SharedBudget, sum_totals
from worker.pool import PricedStrategy
from worker.submission import RunPlan, submit_run
from worker.task_line import parse_task_line


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a request may cost, and what accuracy is worth to it."""

    budget: SharedBudget | None  # None: nothing is capped
    weight: float  # between cost (0) and accuracy (1); where there is no price
    price: float | None  # right answers a quantum, as the budget's other jobs have it


@dataclass(frozen=True, kw_only=True, eq=False)
class Foreseen:
    """A request as its strategies would answer it."""

    task: NewTask
    predictions: Predictions  # of one task
    expected: Predictions  # the same, corrected for what is known since
    version_ids: tuple[int, ...]
    encoder: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """Whose request it is, who answers it, and by what."""

    tenant_id: str
    meta: Mapping[str, Any]
    unit: Unit
    strategies: Sequence[PricedStrategy]
    strategy_ids: Sequence[int]
    owner: str
    lease_seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenRequest:
    """A request with its money reserved, to be answered now."""

    job_id: int
    group: ClaimedGroup
    batch_no: int
    assigned: Assigned
    unit: Unit
    predicted_accuracy: float
    predicted_cost: int  # quanta
    price: float | None


def choose_strategy(foreseen: Foreseen, terms: Terms, *, unit: Unit) -> int:
    """The column of the best strategy whose worst case can be paid; BudgetTooSmall when none's can.

    At a price each right answer is worth what it costs at the margin elsewhere; without one the weight decides, as in
    `router.objective.allocate_weighted`, a cost being measured against the dearest strategy's.
    """
    accuracy, cost, worst = (
        row[0].astype(np.float64)
        for row in (foreseen.expected.accuracy, foreseen.expected.cost, foreseen.expected.worst_cost)
    )
    if terms.price is not None:
        worth = accuracy - terms.price * cost
    else:
        worth = terms.weight * accuracy - (1 - terms.weight) * cost / max(float(np.nanmax(cost)), 1.0)
    affordable = ~np.isnan(cost) & (worst <= (math.inf if terms.budget is None else terms.budget.free))
    if not affordable.any():
        raise _too_small(terms, worst, unit=unit)
    return int(np.argmax(np.where(affordable, worth, -np.inf)))


def open_request(session: Session, *, foreseen: Foreseen, terms: Terms, column: int, order: Order) -> OpenRequest:
    """The request by the strategy of this column, its worst case reserved.

    BudgetDenied or BudgetTooSmall where others were quicker: the caller rolls back.
    """
    worst = int(foreseen.predictions.worst_cost[0, column])
    job_id = submit_run(
        session,
        tasks=[foreseen.task],
        plan=_make_plan(foreseen, terms, unit=order.unit),
        strategy_ids=order.strategy_ids,
        meta=order.meta,
        tenant_id=order.tenant_id,
    )
    group = _route(session, job_id=job_id, foreseen=foreseen, terms=terms, column=column, order=order)
    least = sum(group.least)
    batch_no = reserve_batch(session, group_id=group.id, fence=group.fence, seqs=[0], amounts=[worst], least=least)
    return OpenRequest(
        job_id=job_id,
        group=group,
        batch_no=batch_no,
        assigned=Assigned(
            seq=0,
            line=parse_task_line(foreseen.task.payload),
            priced=order.strategies[column],
            amount=worst,
            least=least,
            lost_workers=0,
        ),
        unit=order.unit,
        predicted_accuracy=float(foreseen.predictions.accuracy[0, column]),
        predicted_cost=int(foreseen.predictions.cost[0, column]),
        price=terms.price,
    )


def _route(
    session: Session, *, job_id: int, foreseen: Foreseen, terms: Terms, column: int, order: Order
) -> ClaimedGroup:
    """The group of the job's one task, ours before anybody else sees it."""
    window = claim_window(session, job_id=job_id, size=1, owner=order.owner, lease_seconds=order.lease_seconds)
    assert window is not None
    predictions = foreseen.predictions
    worst, cost = int(predictions.worst_cost[0, column]), int(predictions.cost[0, column])
    kept = [sum_least(find_least_worst(predictions))] if read_job(session, job_id=job_id).promised else []
    own = NewGroup(strategy_id=order.strategy_ids[column], seqs=[0], amounts=[worst], least=kept, predicted_cost=cost)
    commit_window(
        session,
        window_id=window.id,
        fence=window.fence,
        groups=[own],
        shadow_price=terms.price,
        predicted_cost=cost,
    )
    group = claim_group(session, owner=order.owner, lease_seconds=order.lease_seconds, job_id=job_id)
    if group is None:
        raise BudgetTooSmall(
            "others have just reserved what was left, or the strategy has begun to fail: try again",
            cap=0,
            smallest_feasible=worst,
        )
    return group


def close_request(session: Session, *, request: OpenRequest, outcome: NewOutcome) -> None:
    """Charge what the answer cost, and give the rest back. StaleFence, AlreadySettled."""
    group = request.group
    settle_batch(session, group_id=group.id, fence=group.fence, batch_no=request.batch_no, outcomes=[outcome])
    finish_group(session, group_id=group.id, fence=group.fence)


def _make_plan(foreseen: Foreseen, terms: Terms, *, unit: Unit) -> RunPlan:
    totals = sum_totals(foreseen.predictions)
    if terms.budget is None:
        objective = Objective(
            mode=Mode.WEIGHT,
            unit=unit,
            stated=f"weight {terms.weight:g}",
            w=terms.weight,
            reference_cost=max(float(totals.dearest), 1.0),
        )
    else:
        stated = f"shared budget {terms.budget.name}"
        cap = max(terms.budget.free, 0)
        objective = Objective(mode=Mode.BUDGET, unit=unit, stated=stated, cap=cap, shared=terms.budget.name)
    return RunPlan(
        objective=objective,
        totals=totals,
        predictions=foreseen.predictions,
        version_ids=foreseen.version_ids,
        encoder=foreseen.encoder,
        encoding_seconds=0.0,
        planning_seconds=0.0,
        budget_id=None if terms.budget is None else terms.budget.id,
    )


def _too_small(terms: Terms, worst: NDArray[np.float64], *, unit: Unit) -> BudgetTooSmall:
    assert terms.budget is not None
    least = math.ceil(np.nanmin(worst))
    free, needed = (
        format_amount(Amount(unit=unit, quanta=quanta), round_up=up)
        for quanta, up in ((max(terms.budget.free, 0), False), (least, True))
    )
    return BudgetTooSmall(
        f"budget {terms.budget.name} has {free} left that is not promised to jobs, and this request can cost {needed} "
        "by the cheapest strategy: raise the budget, or ask for fewer tokens",
        cap=max(terms.budget.free, 0),
        smallest_feasible=least,
    )
