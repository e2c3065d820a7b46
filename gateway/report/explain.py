"""Why a task went where it did, in words, from its predictions and the shadow price."""

import numpy as np

from gateway.report.amounts import say_cost, say_share
from gateway.report.routed import RoutedTasks
from gateway.report.values import Option
from router.units import Unit

CLEAR = 0.005  # half a point of accuracy: closer offers are called equal


def options_of(routed: RoutedTasks, row: int) -> tuple[Option, ...]:
    """What each eligible strategy was predicted to do for one task, cheapest first."""
    offers = zip(routed.names, routed.accuracy[row].tolist(), routed.cost_quanta[row].tolist(), strict=True)
    options = [Option(strategy=n, accuracy=a, cost_quanta=c) for n, a, c in offers if np.isfinite(a) and np.isfinite(c)]
    return tuple(sorted(options, key=lambda option: option.cost_quanta))


def explain_choice(options: tuple[Option, ...], chosen: str, *, shadow_price: float | None, unit: Unit) -> str:
    """One or two sentences; `shadow_price` in right answers per quantum, None for a job whose budget does not bind."""
    taken = next((option for option in options if option.strategy == chosen), None)
    if taken is None:
        return f"{chosen} was not predicted for this task: its line asked for it by name."
    if len(options) == 1:
        return f"{chosen} is the only strategy that can serve this task."
    price = shadow_price or 0.0
    cheaper = [o for o in options if o.cost_quanta < taken.cost_quanta]
    dearer = [o for o in options if o.cost_quanta > taken.cost_quanta and o.accuracy > taken.accuracy]
    return f"{_why_not_less(taken, cheaper, price, unit)} {_why_not_more(taken, dearer, price, unit)}"


def _worth(option: Option, price: float) -> float:
    return option.accuracy - price * option.cost_quanta


def _why_not_less(taken: Option, cheaper: list[Option], price: float, unit: Unit) -> str:
    if not cheaper:
        chance = say_share(taken.accuracy, 0)
        return f"{taken.strategy} is the cheapest that can serve it, and predicted right with {chance}."
    rival = max(cheaper, key=lambda option: _worth(option, price))
    extra = say_cost(taken.cost_quanta - rival.cost_quanta, unit)
    rise = f"from {say_share(rival.accuracy, 0)} ({rival.strategy}) to {say_share(taken.accuracy, 0)}"
    if taken.accuracy <= rival.accuracy:
        return f"{taken.strategy} was taken although {rival.strategy} is cheaper and predicted no worse."
    return f"{extra} more raise the chance of a right answer {rise}."


def _why_not_more(taken: Option, dearer: list[Option], price: float, unit: Unit) -> str:
    if not dearer:
        return "No dearer strategy is predicted to do better."
    rival = max(dearer, key=lambda option: _worth(option, price))
    extra_quanta = rival.cost_quanta - taken.cost_quanta
    gain, elsewhere = rival.accuracy - taken.accuracy, price * extra_quanta
    offer = f"{rival.strategy} would add {100 * gain:.0f} points for {say_cost(extra_quanta, unit)} more"
    if elsewhere >= gain - CLEAR:
        return f"{offer}; spent on other tasks, that buys {100 * elsewhere:.0f}."
    return f"{offer}, which did not fit in what was left."


def pick_examples(routed: RoutedTasks, *, shadow_price: float | None, limit: int = 6) -> tuple[int, ...]:
    """Rows worth explaining: for the most used strategies in turn, the task whose choice was clearest."""
    worth = routed.accuracy.astype(np.float64) - (shadow_price or 0.0) * routed.cost_quanta  # (n, s)
    worth = np.where(np.isfinite(worth), worth, -np.inf)
    counts = np.bincount(routed.choice[routed.choice >= 0], minlength=len(routed.names))
    choice = np.where(routed.alike > 0, routed.choice, -1)
    rows_of = [_clearest_rows(worth, choice, int(column)) for column in np.argsort(-counts)]
    rounds = (rows[turn] for turn in range(limit) for rows in rows_of if turn < len(rows))
    return tuple(row for row, _ in zip(rounds, range(limit), strict=False))


def _clearest_rows(worth: np.ndarray, choice: np.ndarray, column: int) -> list[int]:
    rows = np.flatnonzero(choice == column)
    others = np.delete(worth[rows], column, axis=1)  # (rows, s - 1)
    if not others.shape[1]:
        return [int(row) for row in rows]
    margin = worth[rows, column] - others.max(axis=1)  # (rows,)
    return [int(row) for row in rows[np.argsort(-margin, kind="stable")]]
