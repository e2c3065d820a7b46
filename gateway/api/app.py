"""The application: every endpoint, with errors and ids around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from gateway.api.document import Described
from gateway.api.error_replies import ErrorReply, answer_errors
from gateway.api.front_door import FrontDoor
from gateway.api.request_scope import RequestScope
from gateway.api.routes import batches, budgets, chat, decisions, feedback, files, health, metrics, plan, strategies
from gateway.dashboard.mount import mount_dashboard

# Every endpoint of this table is served; a file under routes/ has one of them.
ROUTES: tuple[APIRouter, ...] = (
    health.routes,
    files.routes,
    batches.routes,
    chat.routes,
    plan.routes,
    feedback.routes,
    decisions.routes,
    strategies.routes,
    budgets.routes,
    metrics.routes,
)

ANY_ERROR: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorReply, "description": "Refused; the message says what and why."},
    "5XX": {"model": ErrorReply, "description": "Not answered; the same request may succeed later."},
}


@asynccontextmanager
async def _open_until_the_end(app: FastAPI) -> AsyncIterator[None]:
    """Requests that are being answered are settled before the server ends."""
    yield
    door: FrontDoor = app.state.door
    await door.chat.close()


def create_app(door: FrontDoor) -> FastAPI:
    """An application that answers with what the front door has."""
    app = Described(
        title="Apportion",
        version=version("apportion"),
        description="OpenAI's Batch API, routed: as accurate as a budget allows.",
        responses=ANY_ERROR,
        redirect_slashes=False,
        lifespan=_open_until_the_end,
        docs_url=None,  # both would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.door = door
    answer_errors(app)
    for routes in ROUTES:
        app.include_router(routes)
    mount_dashboard(app, door)
    app.add_middleware(RequestScope)
    return app
