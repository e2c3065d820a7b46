"""Where a key is asked for, once there are keys."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from db.api_keys import admit
from db.session import reading_session
from gateway.api.front_door import Door
from gateway.api_keys import digest_key
from gateway.dashboard.forms import Form, read_text
from gateway.dashboard.pages import render_page, set_visit
from gateway.dashboard.visitor import find_visit, find_visits
from gateway.dashboard.visits import make_visit

routes = APIRouter()


@routes.get("/sign-in")
def ask_for_key(request: Request) -> Response:
    """The form."""
    return render_page(request, "sign_in.html.j2", {"problem": None})


@routes.post("/sign-in")
def sign_in(request: Request, door: Door, form: Form) -> Response:
    """In, as the tenant of the key; the visit is a new one, which nobody can have prepared."""
    digest = digest_key(read_text(form, "key"))
    with reading_session(door.database) as session:
        key = admit(session, digest=digest).key
    if key is None:
        problem = "This key is not known, or was revoked."
        return render_page(request, "sign_in.html.j2", {"problem": problem}, status=401)
    return _lead_on(request, to="/jobs", visit=find_visits(request).sign_in(digest))


@routes.post("/sign-out")
def sign_out(request: Request, _: Form) -> Response:
    """Out: the visit ends."""
    find_visits(request).sign_out(find_visit(request))
    return _lead_on(request, to="/sign-in", visit=make_visit())


def _lead_on(request: Request, *, to: str, visit: str) -> Response:
    reply = RedirectResponse(f"{request.scope.get('root_path', '')}{to}", status_code=303)
    set_visit(request, reply, visit=visit)
    return reply
