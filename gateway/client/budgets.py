"""`apportion budgets`, asked of a server: the budgets of the key's tenant."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from rich.console import Console

from db.budgets import Budget
from db.states import BudgetPeriod
from gateway.client.server import ApiServer
from gateway.commands.budgets import draw_budgets, say_cap, say_opened
from gateway.exit_codes import ExitCode
from gateway.json_option import tell


def list_budgets_there(console: Console, server: ApiServer, *, as_json: bool) -> ExitCode:
    """Those that the key may draw on."""
    budgets = server.get("/v1/budgets")["data"]
    tell(console, draw_budgets([_read_budget(budget) for budget in budgets]), budgets, as_json=as_json)
    return ExitCode.DONE


def create_budget_there(
    console: Console,
    server: ApiServer,
    *,
    name: str,
    stated: str,
    period: str | None,
    expected_tasks: int | None,
    as_json: bool,
) -> ExitCode:
    """A new shared budget."""
    asked = {"name": name, "amount": stated, "period": period, "expected_tasks": expected_tasks}
    budget = server.post("/v1/budgets", asked)
    tell(console, say_opened(name), budget, as_json=as_json)
    return ExitCode.DONE


def change_cap_there(
    console: Console,
    server: ApiServer,
    *,
    named: str,
    how: Literal["raise", "lower"],
    stated: str,
    as_json: bool,
) -> ExitCode:
    """The budget with another cap."""
    budget = server.post(f"/v1/budgets/{quote(named, safe='')}/{how}", {"amount": stated})
    tell(console, say_cap(_read_budget(budget)), budget, as_json=as_json)
    return ExitCode.DONE


def _read_budget(budget: Mapping[str, Any]) -> Budget:
    period, start = budget["period"], budget["period_start"]
    return Budget(
        id=budget["id"],
        tenant_id="",
        name=budget["name"],
        unit=budget["unit"],
        cap=budget["cap"],
        reserved=budget["reserved"],
        spent=budget["spent"],
        burned=budget["burned"],
        overrun=budget["overrun"],
        kept=budget["promised"],
        shared=True,
        period=None if period is None else BudgetPeriod(period),
        expected_tasks=budget["expected_tasks"],
        period_start=None if start is None else datetime.fromisoformat(start),
    )
