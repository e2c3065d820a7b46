"""`apportion budgets`: what several jobs may spend together, or a single one."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from db.budgets import Budget
from db.session import run_in_transaction
from db.shared_budgets import list_shared_budgets
from db.states import BudgetPeriod
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.json_option import tell
from gateway.report.amounts import say_cost
from router.units import Amount, Unit, parse_budget
from worker.database import open_database
from worker.settings import read_settings
from worker.shared_budgets import find_budget, lower_cap, open_shared, raise_cap


def list_budgets(console: Console, *, tenant: str, as_json: bool) -> ExitCode:
    """One row for each shared budget of a tenant, in its present period."""
    with open_database(read_settings()) as database:
        budgets = run_in_transaction(database, lambda session: list_shared_budgets(session, tenant_id=tenant))
    tell(console, draw_budgets(budgets), [describe_budget(budget) for budget in budgets], as_json=as_json)
    return ExitCode.DONE


def describe_budget(budget: Budget) -> dict[str, Any]:
    """The budget as JSON values; amounts in whole quanta of its unit."""
    return {**asdict(budget), "left": budget.left}


def draw_budgets(budgets: Sequence[Budget]) -> Table:
    """A row for each."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", caption=None if budgets else "no budgets yet")
    table.add_column("budget")
    for heading in ("cap", "spent", "reserved", "promised", "free"):
        table.add_column(heading, justify="right")
    for budget in budgets:
        table.add_row(*_describe(budget))
    return table


def say_opened(name: str) -> str:
    """How jobs use a new budget."""
    return f"budget {name}: `apportion run ... --shared-budget {name}` draws on it"


def say_cap(budget: Budget) -> str:
    """The cap as it is now."""
    cap, left = (say_cost(quanta or 0, Unit(budget.unit)) for quanta in (budget.cap, budget.left))
    return f"budget {budget.name} has a cap of {cap} now, {left} of it left"


def create_budget(
    console: Console,
    *,
    name: str,
    stated: str,
    period: str | None,
    expected_tasks: int | None,
    tenant: str,
    as_json: bool,
) -> ExitCode:
    """A new shared budget."""
    _require_name(name)
    amount, every = _read_amount(stated), _read_period(period)
    with open_database(read_settings()) as database:
        open_shared(database, name=name, amount=amount, period=every, expected_tasks=expected_tasks, tenant_id=tenant)
        budget = find_budget(database, name=name, tenant_id=tenant)
    tell(console, say_opened(name), describe_budget(budget), as_json=as_json)
    return ExitCode.DONE


def raise_budget(console: Console, *, named: str, stated: str, tenant: str, as_json: bool) -> ExitCode:
    """The budget with a larger cap."""
    amount = _read_amount(stated)
    with open_database(read_settings()) as database:
        budget = raise_cap(database, named=named, amount=amount, tenant_id=tenant)
    tell(console, say_cap(budget), describe_budget(budget), as_json=as_json)
    return ExitCode.DONE


def lower_budget(console: Console, *, named: str, stated: str, tenant: str, as_json: bool) -> ExitCode:
    """The budget with a smaller cap."""
    amount = _read_amount(stated)
    with open_database(read_settings()) as database:
        budget = lower_cap(database, named=named, amount=amount, tenant_id=tenant)
    tell(console, say_cap(budget), describe_budget(budget), as_json=as_json)
    return ExitCode.DONE


def _describe(budget: Budget) -> tuple[str, ...]:
    unit, free = Unit(budget.unit), (budget.left or 0) - (budget.kept or 0)
    period = "" if budget.period_start is None else f", {budget.period} from {budget.period_start:%Y-%m-%d %H:%M}"
    amounts = (budget.cap or 0, budget.spent + budget.burned, budget.reserved, budget.kept or 0, free)
    return (f"{budget.name}{period}", *(say_cost(amount, unit) for amount in amounts))


def _read_amount(stated: str) -> Amount:
    amount = parse_budget(stated)
    if not isinstance(amount, Amount):
        raise UsageError(f"{stated!r} depends on a job's tasks: state an amount with a unit")
    return amount


def _read_period(period: str | None) -> BudgetPeriod | None:
    if period is None:
        return None
    if period not in list(BudgetPeriod):
        raise UsageError(f"--period is {period!r}: write {' or '.join(BudgetPeriod)}, or leave it out")
    return BudgetPeriod(period)


def _require_name(name: str) -> None:
    if not name.strip() or name != name.strip() or name.isdecimal():
        raise UsageError(f"{name!r} can not name a budget: a name is no number, and has no space at its ends")
