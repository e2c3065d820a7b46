"""A batch until it is a job: being read, or what is wrong with its file."""

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from db.batch_names import read_batch_names
from db.batches import Batch, read_batch
from db.session import session_scope
from db.states import FINAL_STATUSES
from gateway.api.errors import NoSuchObject
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.visitor import Looking, Visitor

routes = APIRouter(prefix="/batches/{batch_id}")

PARTS = ("batch_state",)


@routes.get("")
def show_batch(request: Request, door: Door, visitor: Looking, batch_id: str) -> Response:
    """The page; that of its job, once there is one."""
    batch, name = _read(door, visitor, batch_id=batch_id)
    if batch.job_id is not None:
        return _lead_to_job(request, job_id=batch.job_id)
    return render_page(request, "batch.html.j2", {"batch": batch, "name": name, "at_work": door.desk_is_at_work()})


@routes.get("/live")
def renew_batch(request: Request, door: Door, visitor: Looking, batch_id: str) -> Response:
    """What changes on it; that it has become a job is told by leading there."""
    batch, name = _read(door, visitor, batch_id=batch_id)
    if batch.job_id is not None:
        return _lead_to_job(request, job_id=batch.job_id)
    return render_parts(
        request,
        PARTS,
        {"batch": batch, "name": name, "at_work": door.desk_is_at_work()},
        goes_on=batch.status not in FINAL_STATUSES,
    )


def _read(door: FrontDoor, visitor: Visitor, *, batch_id: str) -> tuple[Batch, str]:
    with session_scope(door.database) as session:
        batch = read_batch(session, tenant_id=visitor.tenant_id, batch_id=batch_id)
        if batch is None:
            raise NoSuchObject(f"There is no batch {batch_id}.")
        return batch, _name(session, batch)


def _name(session: Session, batch: Batch) -> str:
    return read_batch_names(session, tenant_id=batch.tenant_id, batch_ids=[batch.id]).get(batch.id, batch.id)


def _lead_to_job(request: Request, *, job_id: int) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/jobs/{job_id}", status_code=303)
