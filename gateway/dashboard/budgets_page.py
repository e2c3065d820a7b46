"""Budgets: what several jobs may spend together, and what single jobs may."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from db.budget_list import list_budgets, list_jobs_on
from db.session import session_scope
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.visitor import Looking, Visitor

routes = APIRouter()

LISTED_BUDGETS = 50
LISTED_JOBS = 5
PARTS: Sequence[str] = ("budgets_tables",)


@routes.get("/budgets")
def show_budgets(request: Request, door: Door, visitor: Looking) -> Response:
    """The page."""
    return render_page(request, "budgets.html.j2", _gather(door, visitor))


@routes.get("/budgets/live")
def renew_budgets(request: Request, door: Door, visitor: Looking) -> Response:
    """What changes on it."""
    return render_parts(request, PARTS, _gather(door, visitor), goes_on=True)


def _gather(door: FrontDoor, visitor: Visitor) -> Mapping[str, Any]:
    with session_scope(door.database) as session:
        shared, single = (
            list_budgets(session, tenant_id=visitor.tenant_id, shared=shared, limit=LISTED_BUDGETS)
            for shared in (True, False)
        )
        ids = [budget.id for budget in (*shared, *single)]
        jobs_on = list_jobs_on(session, budget_ids=ids, limit=LISTED_JOBS)
    return {"shared": shared, "single": single, "jobs_on": jobs_on}
