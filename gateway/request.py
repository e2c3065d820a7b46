"""What a job is asked to reach, from the three options of which exactly one is given."""

from gateway.errors import UsageError
from router.units import parse_budget
from worker.objective import Request


def read_request(*, budget: str | None, weight: float | None, target_accuracy: float | None) -> Request:
    """The one objective that was given; UsageError for none or two, AmountError for a budget that can not be read."""
    options = {"--budget": budget, "--weight": weight, "--target-accuracy": target_accuracy}
    given = [name for name, value in options.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none of them"
        raise UsageError(f"give exactly one of {', '.join(options)}: got {found}")
    if budget is not None:
        return Request(stated=budget, budget=parse_budget(budget))
    if weight is not None:
        return Request(stated=f"weight {weight:g}", w=_share(weight, "--weight"))
    assert target_accuracy is not None
    return Request(
        stated=f"target accuracy {target_accuracy:g}", target_accuracy=_share(target_accuracy, "--target-accuracy")
    )


def _share(value: float, option: str) -> float:
    if not 0 <= value <= 1:
        raise UsageError(f"{option} is {value:g}: it is a number from 0 to 1")
    return value
