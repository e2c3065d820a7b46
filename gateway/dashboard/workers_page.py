"""Workers that were seen lately, strategies that are left alone, and work that waits."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from db.breakers import list_open_breakers
from db.session import session_scope
from db.strategies import list_latest_strategies
from db.waiting_groups import list_waiting_strategies
from db.workers import list_workers
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.visitor import Looking, Visitor
from worker.submission import TENANT

routes = APIRouter()

PARTS: Sequence[str] = ("workers_tables",)


@routes.get("/workers")
def show_workers(request: Request, door: Door, visitor: Looking) -> Response:
    """The page."""
    return render_page(request, "workers.html.j2", _gather(door, visitor))


@routes.get("/workers/live")
def renew_workers(request: Request, door: Door, visitor: Looking) -> Response:
    """What changes on it."""
    return render_parts(request, PARTS, _gather(door, visitor), goes_on=True)


def _gather(door: FrontDoor, visitor: Visitor) -> Mapping[str, Any]:
    """Workers and strategies serve every tenant; of what waits, a tenant is told its own."""
    whose = None if visitor.keeps_strategies else visitor.tenant_id
    with session_scope(door.database) as session:
        names = {strategy.id: strategy.name for strategy in list_latest_strategies(session, tenant_id=TENANT)}
        workers = list_workers(session)
        breakers = list_open_breakers(session, strategy_ids=list(names))
        waiting = list_waiting_strategies(session, tenant_id=whose)
    return {
        "workers": workers,
        "breakers": breakers,
        "waiting": waiting,
        "name_of": names,
        "is_told": visitor.keeps_strategies,
        "has_workers": door.settings.has_workers,
    }
