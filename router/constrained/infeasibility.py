"""Why no allocation keeps all limits, where that can be proven."""

import numpy as np

from router.constrained.column_generation import find_prices
from router.constrained.core import find_units
from router.constrained.instance import ROUNDING, ConstrainedInstance
from router.errors import InfeasibleConstraints
from router.instance import Floats

NAMED_SHARE = 1e-6  # a constraint with a smaller part in a proof is rounding
NAMED = 6  # constraints that a message lists


def check_each_limit(constrained: ConstrainedInstance) -> None:
    """InfeasibleConstraints names the first limit that is passed even if all tasks use as little of it as they can."""
    for row in range(len(constrained.rows)):
        price = constrained.rows.free
        price[row] = 1.0
        needed = _find_least_use(constrained, price)
        limit = float(constrained.rows.limit[row])
        if needed > limit:
            raise InfeasibleConstraints(
                f"{constrained.rows.name[row]} is limited to {limit!r} but every allocation uses at least {needed!r} "
                "of it: raise the limit to that or allow other strategies",
                constraints=(constrained.rows.name[row],),
                proven=True,
            )


def explain_failure(constrained: ConstrainedInstance, price: Floats, *, tried_all: bool) -> InfeasibleConstraints:
    """The error for limits that no allocation was found within: with a proof, where these or other prices are one."""
    blind = constrained.without_gain()
    for tried in (find_prices(blind, find_units(blind)).price, price):
        needed, there = _find_least_use(constrained, tried), float(tried @ constrained.rows.limit)
        if needed > there * (1 + ROUNDING):
            names = _name_rows(constrained, tried)
            return InfeasibleConstraints(
                f"no allocation keeps these limits together: {_list_names(names)}. Raise all of them by "
                f"{(needed / there - 1) if there else np.inf:.3%}, or some by more, or allow other strategies",
                constraints=names,
                proven=True,
            )
    names = _name_rows(constrained, price)
    if tried_all:
        says = "no allocation keeps all limits, though shares of strategies would: every choice was tried"
    else:
        says = "no allocation was found that keeps all limits; that there is none is not proven"
    remedy = f"Tightest are {_list_names(names)}: raise them a little or allow other strategies"
    return InfeasibleConstraints(f"{says}. {remedy}", constraints=names, proven=tried_all)


def _find_least_use(constrained: ConstrainedInstance, price: Floats) -> float:
    """A price's worth of what every allocation uses at least, rounded down."""
    least = sum(float(-reduced.max(axis=1).sum()) for _, reduced in constrained.without_gain().blocks(price))
    return least * (1 - ROUNDING)


def _name_rows(constrained: ConstrainedInstance, price: Floats) -> tuple[str, ...]:
    worth = price * constrained.rows.limit
    rows = np.flatnonzero(worth > NAMED_SHARE * worth.sum())
    by_worth = rows[np.argsort(-worth[rows], kind="stable")]
    return tuple(constrained.rows.name[row] for row in by_worth)


def _list_names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
