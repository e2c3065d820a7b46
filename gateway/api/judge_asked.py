"""The judge that a batch asks for: refused where it is not there, or could not be paid."""

from gateway.api.callers import Known
from gateway.api.errors import InvalidRequest, NotPermitted
from gateway.api.front_door import FrontDoor
from gateway.batch_asked import Asked
from router.errors import AmountError
from router.strategy import Strategy
from router.units import Amount, parse_budget


def require_judge(door: FrontDoor, caller: Known, asked: Asked) -> None:
    """InvalidRequest for a judge or a budget of its that can not be used; NotPermitted for a key held to budgets."""
    assert asked.judge_budget is not None
    if caller.key is not None and caller.key.budgets is not None:
        names = ", ".join(caller.key.budgets)
        raise NotPermitted(f"key {caller.key.name} may spend from {names} alone, and a judge has a budget of its own")
    known = {strategy.name: strategy for strategy in door.pool.strategies}
    if asked.judge not in known:
        raise InvalidRequest(f"there is no strategy {asked.judge}: {', '.join(sorted(known))}", param="judge.strategy")
    _require_budget(asked.judge_budget, judge=known[asked.judge], has_cap=asked.caps_spending)


def _require_budget(stated: str, *, judge: Strategy, has_cap: bool) -> None:
    try:
        budget = parse_budget(stated)
    except AmountError as error:
        raise InvalidRequest(str(error), param="judge.budget") from None
    if isinstance(budget, Amount):
        if budget.unit not in judge.units:
            raise InvalidRequest(
                f"the judge's budget is in {budget.unit}, in which {judge.name} can not be priced: state it in "
                f"{' or '.join(sorted(judge.units))}",
                param="judge.budget",
            )
    elif not has_cap:
        raise InvalidRequest(
            "the judge's budget is a part of the batch's, and the batch has none: state an amount", param="judge.budget"
        )
