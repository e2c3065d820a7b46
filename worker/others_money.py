"""Waiting for money that other workers hold: they may settle for less, and a promise that broke may end."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.budgets import read_budget
from db.errors import BudgetDenied
from db.promises import end_broken_promise
from db.session import run_in_transaction

PAUSE_SECONDS = 0.1  # between looks at a budget that other workers hold; doubled after each, since most wait long
LONGEST_PAUSE_SECONDS = 0.5  # a group that a lost worker left has waited for its lease already


class Standing(NamedTuple):
    """What stands in the way of a reservation, in quanta."""

    free: int  # neither committed nor promised to other tasks
    reserved: int  # of which some may come back


async def wait_for_others(database: Database, denied: BudgetDenied, *, draining: Callable[[], bool]) -> bool:
    """Whether asking again may help: other workers gave something back, or a promise that broke has ended.

    It looks at the budget, and never asks in vain: a denied reservation is not tried in a loop.
    """
    pause = PAUSE_SECONDS
    while not draining():
        standing = await asyncio.to_thread(_look_at_budget, database, denied.budget_id)
        if standing.free > denied.left - denied.kept:
            return True
        if standing.reserved == 0:
            return False
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return False


def _look_at_budget(database: Database, budget_id: int) -> Standing:
    def look(session: Session) -> Standing:
        end_broken_promise(session, budget_id=budget_id)
        budget = read_budget(session, budget_id=budget_id)
        return Standing((budget.left or 0) - (budget.kept or 0), budget.reserved)

    return run_in_transaction(database, look)
