"""The dashboard's place in the server."""

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse

from gateway.api.front_door import FrontDoor
from gateway.dashboard.app import PATH, START, create_dashboard


def mount_dashboard(app: FastAPI, door: FrontDoor) -> None:
    """Serve it under its path, and lead there whoever opens the server in a browser."""
    for path in ("/", PATH, f"{PATH}/"):
        app.add_api_route(path, _lead_in, include_in_schema=False)
    app.mount(PATH, create_dashboard(door))


def _lead_in(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{request.scope.get('root_path', '')}{PATH}{START}", status_code=307)
