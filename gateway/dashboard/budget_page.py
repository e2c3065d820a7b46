"""The page of a budget: what is left of it, its ledger, and more money for it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from db.budget_list import list_entries, list_jobs_on
from db.session import session_scope
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.forms import Form, read_text
from gateway.dashboard.own_rows import read_own_budget
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.raising import raise_own_budget
from gateway.dashboard.visitor import Looking, Visitor
from router.units import Unit

routes = APIRouter(prefix="/budgets/{budget_id}")

PAGE_ENTRIES = 50
LISTED_JOBS = 20
PARTS: Sequence[str] = ("budget_tiles", "budget_ledger")

Before = Annotated[int | None, Query(ge=1)]


@routes.get("")
def show_budget(request: Request, door: Door, visitor: Looking, budget_id: int, before: Before = None) -> Response:
    """The page, with the ledger from its end, or from before an entry."""
    return render_page(request, "budget.html.j2", _gather(door, visitor, budget_id=budget_id, before=before))


@routes.get("/live")
def renew_budget(request: Request, door: Door, visitor: Looking, budget_id: int, before: Before = None) -> Response:
    """What changes on it."""
    values = _gather(door, visitor, budget_id=budget_id, before=before)
    return render_parts(request, PARTS, values, goes_on=True)


@routes.post("/raise")
def raise_cap(request: Request, door: Door, visitor: Looking, form: Form, budget_id: int) -> Response:
    """Let it spend more."""
    raise_own_budget(door, visitor, budget_id=budget_id, stated=read_text(form, "amount"))
    return RedirectResponse(f"{request.scope.get('root_path', '')}/budgets/{budget_id}", status_code=303)


def _gather(door: FrontDoor, visitor: Visitor, *, budget_id: int, before: int | None) -> Mapping[str, Any]:
    with session_scope(door.database) as session:
        budget = read_own_budget(session, visitor, budget_id=budget_id)
        entries = list_entries(session, budget_id=budget_id, before=before, limit=PAGE_ENTRIES + 1)
        jobs = list_jobs_on(session, budget_ids=[budget_id], limit=LISTED_JOBS).get(budget_id, ())
    return {
        "budget": budget,
        "unit": Unit(budget.unit),
        "entries": entries[:PAGE_ENTRIES],
        "older": entries[PAGE_ENTRIES - 1].id if len(entries) > PAGE_ENTRIES else None,
        "before": before,
        "jobs": jobs,
    }
