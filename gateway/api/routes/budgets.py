"""Budgets that jobs share: listed, created, raised, lowered."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from db.budgets import Budget
from db.session import run_in_transaction
from db.shared_budgets import list_shared_budgets
from db.states import BudgetPeriod
from gateway.api.callers import Caller, Known
from gateway.api.errors import InvalidRequest, NoSuchObject, NotPermitted
from gateway.api.front_door import Door, FrontDoor
from gateway.api.once import answer_once
from gateway.api.sending import Sending, Sent
from gateway.api.storable import Storable
from router.errors import AmountError
from router.units import Amount, parse_budget
from worker.errors import BudgetUnusable, NoSuchBudget
from worker.shared_budgets import find_budget, lower_cap, open_shared, raise_cap

routes = APIRouter(prefix="/v1/budgets", tags=["budgets"])

Named = Annotated[Storable, Path(max_length=200, description="The budget's name.")]


class BudgetObject(BaseModel):
    """A shared budget in its present period; amounts in whole quanta of `unit`."""

    object: Literal["budget"] = "budget"
    id: int
    name: str
    unit: str
    cap: int
    spent: int
    burned: int = Field(description="Charged for work that was lost.")
    reserved: int
    promised: int = Field(description="Kept free for requests that wait.")
    overrun: int
    left: int = Field(description="Neither spent, burned nor reserved.")
    period: BudgetPeriod | None
    period_start: datetime | None
    expected_tasks: int | None = Field(description="What all of its jobs together are expected to be, in each period.")


class BudgetList(BaseModel):
    """All of them, by name."""

    object: Literal["list"] = "list"
    data: list[BudgetObject]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewBudget(_Strict):
    """A budget to open."""

    name: Storable = Field(min_length=1, max_length=200)
    amount: str = Field(max_length=100, examples=["40000 tokens", "0.02 USD"])
    period: BudgetPeriod | None = Field(default=None, description="Begins anew each noon (UTC), or each month.")
    expected_tasks: int | None = Field(
        default=None, ge=1, le=1_000_000_000, description="How many tasks will come in each period: none is left poor."
    )


class CapChange(_Strict):
    """By how much a cap grows or shrinks."""

    amount: str = Field(max_length=100, examples=["10000 tokens"])


@routes.get("")
def list_budgets(door: Door, caller: Caller) -> BudgetList:
    """The budgets that the key may draw on."""
    budgets = run_in_transaction(
        door.database, lambda session: list_shared_budgets(session, tenant_id=caller.tenant_id)
    )
    return BudgetList(data=[_show(budget) for budget in budgets if _may_draw(caller, budget.name)])


@routes.post("")
def create_budget(door: Door, caller: Caller, asked: NewBudget) -> BudgetObject:
    """Open a budget; batches draw on it by its name."""
    _require_steward(caller)
    if asked.name != asked.name.strip() or asked.name.isdecimal():
        raise InvalidRequest("a name is no number, and has no space at its ends", param="name")
    try:
        open_shared(
            door.database,
            name=asked.name,
            amount=_read_amount(asked.amount),
            period=asked.period,
            expected_tasks=asked.expected_tasks,
            tenant_id=caller.tenant_id,
        )
    except BudgetUnusable as error:
        raise InvalidRequest(str(error), param="name") from None
    return _show(find_budget(door.database, name=asked.name, tenant_id=caller.tenant_id))


@routes.post("/{name}/raise")
async def raise_budget(door: Door, caller: Caller, name: Named, change: CapChange, sent: Sent) -> BudgetObject:
    """Give a budget more; its jobs go on with that at once."""
    return await _change_once(raise_cap, door, caller, sent, name=name, change=change)


@routes.post("/{name}/lower")
async def lower_budget(door: Door, caller: Caller, name: Named, change: CapChange, sent: Sent) -> BudgetObject:
    """Take something from a budget, at most what is left of it."""
    return await _change_once(lower_cap, door, caller, sent, name=name, change=change)


async def _change_once(
    move: Callable[..., Budget], door: FrontDoor, caller: Known, sent: Sending, *, name: str, change: CapChange
) -> BudgetObject:
    async def answer() -> dict[str, Any]:
        changed = await run_in_threadpool(_change_cap, move, door, caller, name=name, change=change)
        return changed.model_dump(mode="json")

    asked = f"{move.__name__} {json.dumps([name, change.amount])}"
    return BudgetObject.model_validate(await answer_once(door.database, caller, sent, asked=asked, answer=answer))


def _change_cap(
    move: Callable[..., Budget], door: FrontDoor, caller: Known, *, name: str, change: CapChange
) -> BudgetObject:
    _require_steward(caller)
    try:
        amount = _read_amount(change.amount)
        return _show(move(door.database, named=_require_name(name), amount=amount, tenant_id=caller.tenant_id))
    except BudgetUnusable as error:
        raise InvalidRequest(str(error), param="amount") from None
    except NoSuchBudget:
        raise _missing(name) from None


def _require_steward(caller: Known) -> None:
    """A key that is held to some budgets must not make itself others."""
    if caller.key is not None and caller.key.budgets is not None:
        raise NotPermitted("this key may draw on budgets, and not change them: use one that is held to none")


def _may_draw(caller: Known, name: str) -> bool:
    return caller.key is None or caller.key.budgets is None or name in caller.key.budgets


def _require_name(name: str) -> str:
    """A number would be taken for a job's."""
    if name.isdecimal():
        raise _missing(name)
    return name


def _missing(name: str) -> NoSuchObject:
    return NoSuchObject(f"there is no budget {name}", param="name")


def _read_amount(stated: str) -> Amount:
    try:
        amount = parse_budget(stated)
    except AmountError as error:
        raise InvalidRequest(str(error), param="amount") from None
    if not isinstance(amount, Amount):
        raise InvalidRequest(f"{stated!r} depends on a job's tasks: state an amount with a unit", param="amount")
    return amount


def _show(budget: Budget) -> BudgetObject:
    return BudgetObject(
        id=budget.id,
        name=budget.name,
        unit=budget.unit,
        cap=budget.cap or 0,
        spent=budget.spent,
        burned=budget.burned,
        reserved=budget.reserved,
        promised=budget.kept or 0,
        overrun=budget.overrun,
        left=budget.left or 0,
        period=budget.period,
        period_start=budget.period_start,
        expected_tasks=budget.expected_tasks,
    )
