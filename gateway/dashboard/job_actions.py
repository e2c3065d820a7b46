"""What can be done to a job: pause it, let it go on, cancel it, give it more money."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from db.jobs import Job
from db.session import session_scope
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.forms import Form, read_text
from gateway.dashboard.own_rows import read_own_job
from gateway.dashboard.raising import raise_own_budget
from gateway.dashboard.visitor import Looking, Visitor
from worker.job_control import cancel, pause, unpause

routes = APIRouter(prefix="/jobs/{job_id}")


@routes.post("/pause")
def pause_job(request: Request, door: Door, visitor: Looking, _: Form, job_id: int) -> Response:
    """Start nothing new of it."""
    _read_own(door, visitor, job_id=job_id)
    pause(door.database, job_id=job_id)
    return _lead_back(request, job_id=job_id)


@routes.post("/unpause")
def unpause_job(request: Request, door: Door, visitor: Looking, _: Form, job_id: int) -> Response:
    """Go on with it."""
    _read_own(door, visitor, job_id=job_id)
    unpause(door.database, job_id=job_id)
    return _lead_back(request, job_id=job_id)


@routes.post("/cancel")
def cancel_job(request: Request, door: Door, visitor: Looking, _: Form, job_id: int) -> Response:
    """Give it up; what is with engines is settled by whoever works on it, and nobody waits for that here."""
    _read_own(door, visitor, job_id=job_id)
    cancel(door.database, job_id=job_id, patience_seconds=0.0)
    return _lead_back(request, job_id=job_id)


@routes.post("/raise")
def raise_cap(request: Request, door: Door, visitor: Looking, form: Form, job_id: int) -> Response:
    """Let its budget spend more."""
    job = _read_own(door, visitor, job_id=job_id)
    raise_own_budget(door, visitor, budget_id=job.budget_id, stated=read_text(form, "amount"))
    return _lead_back(request, job_id=job_id)


def _lead_back(request: Request, *, job_id: int) -> Response:
    """Back to its page; loading that again repeats nothing."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/jobs/{job_id}", status_code=303)


def _read_own(door: FrontDoor, visitor: Visitor, *, job_id: int) -> Job:
    with session_scope(door.database) as session:
        return read_own_job(session, visitor, job_id=job_id)
