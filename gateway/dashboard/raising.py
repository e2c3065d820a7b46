"""More money for a budget, from a form."""

from db.budgets import raise_budget
from db.session import run_in_transaction, session_scope
from gateway.api.errors import InvalidRequest, NotPermitted
from gateway.api.front_door import FrontDoor
from gateway.dashboard.own_rows import read_own_budget
from gateway.dashboard.visitor import Visitor
from router.units import Amount, parse_budget


def raise_own_budget(door: FrontDoor, visitor: Visitor, *, budget_id: int, stated: str) -> None:
    """Raise the cap by the stated amount; a key that is bound to budgets may not widen them."""
    if visitor.key is not None and visitor.key.budgets is not None:
        raise NotPermitted("This key is bound to budgets: it spends them, and does not raise them.")
    amount = _read_amount(stated)
    with session_scope(door.database) as session:
        budget = read_own_budget(session, visitor, budget_id=budget_id)
    if budget.cap is None:
        raise InvalidRequest(f"Budget {budget.name} has no cap: there is nothing to raise.", param="amount")
    if budget.unit != amount.unit:
        raise InvalidRequest(f"Budget {budget.name} is in {budget.unit}: state the amount in that.", param="amount")
    run_in_transaction(door.database, lambda session: raise_budget(session, budget_id=budget_id, amount=amount.quanta))


def _read_amount(stated: str) -> Amount:
    amount = parse_budget(stated)
    if not isinstance(amount, Amount):
        raise InvalidRequest(f"{stated} depends on a job's tasks: state an amount with a unit.", param="amount")
    return amount
