"""Budgets as people name them: by their own name, or by a job that draws on them."""

from dataclasses import replace

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.budgets import Budget, raise_budget, read_budget, set_cap
from db.errors import BudgetCommitted
from db.session import run_in_transaction, session_scope
from db.shared_budgets import create_shared_budget, find_shared_budget
from db.states import BudgetPeriod
from router.units import Amount, Unit, format_amount
from worker.bootstrap import read_known_job
from worker.errors import BudgetUnusable, NoSuchBudget
from worker.objective import Request, SharedBudget
from worker.pool import ServingPool
from worker.submission import TENANT


def open_shared(
    database: Database,
    *,
    name: str,
    amount: Amount,
    period: BudgetPeriod | None,
    expected_tasks: int | None = None,
    tenant_id: str = TENANT,
) -> None:
    """Open a shared budget of the tenant; BudgetUnusable when it has one of that name."""
    created = run_in_transaction(
        database,
        lambda session: create_shared_budget(
            session,
            tenant_id=tenant_id,
            name=name,
            unit=amount.unit,
            cap=amount.quanta,
            period=period,
            expected_tasks=expected_tasks,
        ),
    )
    if created is None:
        raise BudgetUnusable(f"there is a budget {name} already: raise or lower it, or choose another name")


def find_budget(database: Database, *, name: str, tenant_id: str = TENANT) -> Budget:
    """The tenant's shared budget of that name in its present period; NoSuchBudget."""
    found = run_in_transaction(database, lambda session: find_shared_budget(session, tenant_id=tenant_id, name=name))
    if found is None:
        raise NoSuchBudget(f"there is no budget {name}: `apportion budgets list` lists those there are")
    return found


def raise_cap(database: Database, *, named: str, amount: Amount, tenant_id: str = TENANT) -> Budget:
    """The budget with its cap grown by the amount; BudgetUnusable for one without a cap, or in another unit."""
    budget = _find_capped(database, named=named, amount=amount, tenant_id=tenant_id)
    return run_in_transaction(
        database, lambda session: raise_budget(session, budget_id=budget.id, amount=amount.quanta)
    )


def lower_cap(database: Database, *, named: str, amount: Amount, tenant_id: str = TENANT) -> Budget:
    """The budget with its cap lowered by the amount; BudgetUnusable, with nothing changed, under what is committed."""
    budget = _find_capped(database, named=named, amount=amount, tenant_id=tenant_id)

    def lower(session: Session) -> Budget:
        cap = read_budget(session, budget_id=budget.id).cap or 0
        if cap < amount.quanta:
            whole, taken = _say(budget, cap), _say(budget, amount.quanta)
            raise BudgetUnusable(f"budget {budget.name} has a cap of {whole}, which can not be lowered by {taken}")
        return set_cap(session, budget_id=budget.id, cap=cap - amount.quanta)

    try:
        return run_in_transaction(database, lower)
    except BudgetCommitted as error:
        committed, wanted = _say(budget, error.committed, round_up=True), _say(budget, error.wanted)
        raise BudgetUnusable(
            f"budget {budget.name} has {committed} spent, burned or reserved, so its cap can not be {wanted}: "
            "lower it by less, or wait for what is running to settle"
        ) from error


def draw_on(database: Database, request: Request, *, pool: ServingPool, tenant_id: str = TENANT) -> Request:
    """The request with the tenant's shared budget that it names as it stands now, if it names one.

    NoSuchBudget; BudgetUnusable where some strategy has no price in the budget's unit.
    """
    if request.shared_name is None:
        return request
    found = find_budget(database, name=request.shared_name, tenant_id=tenant_id)
    unit = Unit(found.unit)
    unpriced = [priced.strategy.name for priced in pool.strategies if unit not in priced.tariff.prices]
    if unpriced:
        raise BudgetUnusable(
            f"budget {found.name} is in {unit}, in which {', '.join(unpriced)} can not be priced: "
            f"declare prices in {unit} under `tariff:`, or draw on another budget"
        )
    free = (found.left or 0) - (found.kept or 0)
    return replace(request, budget=SharedBudget(id=found.id, name=found.name, unit=unit, free=free))


def _find_capped(database: Database, *, named: str, amount: Amount, tenant_id: str) -> Budget:
    """The tenant's budget of that name, or that of the job with that number."""
    if named.isdecimal():
        budget = _find_of_job(database, job_id=int(named))
    else:
        budget = find_budget(database, name=named, tenant_id=tenant_id)
    if budget.cap is None:
        raise BudgetUnusable(f"job {named} runs without a cap: there is nothing to raise or lower")
    if budget.unit != amount.unit:
        stated = format_amount(amount)
        raise BudgetUnusable(
            f"budget {budget.name} is in {budget.unit}, {stated} is not: state the amount in {budget.unit}"
        )
    return budget


def _find_of_job(database: Database, *, job_id: int) -> Budget:
    job = read_known_job(database, job_id=job_id)
    with session_scope(database) as session:
        budget = read_budget(session, budget_id=job.budget_id)
    return find_budget(database, name=budget.name, tenant_id=budget.tenant_id) if budget.shared else budget


def _say(budget: Budget, quanta: int, *, round_up: bool = False) -> str:
    return format_amount(Amount(unit=Unit(budget.unit), quanta=quanta), round_up=round_up)
