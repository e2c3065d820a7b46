"""Batches: asked for, read, listed, cancelled. Whoever works on them finds them in the database."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from db.batches import Batch, list_batches, move_batch, read_batch
from db.pages import PageAsked
from db.session import reading_session, run_in_transaction, session_scope
from db.states import FINAL_STATUSES, BatchStatus
from gateway.api.batch_objects import BatchObject, show_batch
from gateway.api.batch_request import BatchRequest
from gateway.api.callers import Caller, Known
from gateway.api.errors import InvalidRequest, NoSuchObject
from gateway.api.front_door import Door, FrontDoor
from gateway.api.lists import ListPage, make_page
from gateway.api.new_batch import open_batch
from gateway.api.sending import Sent
from gateway.batch_figures import BatchFigures, read_figures
from worker.errors import JobNotDriveable
from worker.job_control import pause, unpause

routes = APIRouter(prefix="/v1/batches", tags=["batches"])


@routes.post("")
def create_batch(body: BatchRequest, door: Door, caller: Caller, sent: Sent) -> BatchObject:
    """Make a batch of a file; it is validated and planned next, without anybody waiting for that."""
    batch = run_in_transaction(
        door.database,
        lambda session: open_batch(
            session, door, caller, body=body, idempotency_key=sent.idempotency_key, is_retry=sent.is_retry
        ),
    )
    with reading_session(door.database) as session:
        return _show(session, batch)


@routes.get("")
def list_all_batches(
    door: Door, caller: Caller, limit: Annotated[int, Query(ge=1, le=100)] = 20, after: str | None = None
) -> ListPage[BatchObject]:
    """The tenant's batches in pages, the latest first."""
    asked = PageAsked(limit=limit, after=after)
    with reading_session(door.database) as session:
        rows = list_batches(session, tenant_id=caller.tenant_id, page=asked)
        return make_page(rows, asked=asked, show=lambda batch: _show(session, batch))


@routes.get("/{batch_id}", response_model=BatchObject)
def retrieve_batch(batch_id: str, door: Door, caller: Caller) -> Response:
    """A batch as it stands."""
    with reading_session(door.database) as session:
        shown = _show(session, find_batch(session, caller, batch_id=batch_id))
    # Asked for most often: written here, it is not validated once more in yet another thread.
    return Response(shown.model_dump_json(), media_type="application/json")


@routes.post("/{batch_id}/cancel")
def cancel_batch(batch_id: str, door: Door, caller: Caller) -> BatchObject:
    """Start nothing more of it: what runs is finished, and what is answered can be read."""
    with session_scope(door.database) as session:
        batch = find_batch(session, caller, batch_id=batch_id)
        moved = move_batch(session, batch_id=batch_id, to=BatchStatus.CANCELLING)
        batch = find_batch(session, caller, batch_id=batch_id)
        if not moved and batch.status not in (BatchStatus.CANCELLING, BatchStatus.CANCELLED):
            raise InvalidRequest(
                f"batch {batch_id} is {batch.status}: there is nothing left to cancel", param="batch_id"
            )
        return _show(session, batch)


@routes.post("/{batch_id}/pause")
def pause_batch(batch_id: str, door: Door, caller: Caller) -> BatchObject:
    """Start nothing new of it for a while: what runs is finished, and its completion window goes on."""
    return _turn(pause, door, caller, batch_id=batch_id)


@routes.post("/{batch_id}/unpause")
def unpause_batch(batch_id: str, door: Door, caller: Caller) -> BatchObject:
    """Let it go on."""
    return _turn(unpause, door, caller, batch_id=batch_id)


def _turn(turn: Callable[..., None], door: FrontDoor, caller: Known, *, batch_id: str) -> BatchObject:
    with session_scope(door.database) as session:
        batch = find_batch(session, caller, batch_id=batch_id)
    if batch.job_id is None or batch.status in FINAL_STATUSES:
        raise InvalidRequest(
            f"batch {batch_id} is {batch.status}: it is paused and unpaused while in progress", param="batch_id"
        )
    try:
        turn(door.database, job_id=batch.job_id)
    except JobNotDriveable as error:
        raise InvalidRequest(str(error), param="batch_id") from None
    with reading_session(door.database) as session:
        return _show(session, batch)


def find_batch(session: Session, caller: Known, *, batch_id: str) -> Batch:
    """The caller's batch; NoSuchObject."""
    batch = read_batch(session, tenant_id=caller.tenant_id, batch_id=batch_id)
    if batch is None:
        raise NoSuchObject(f"there is no batch {batch_id}", param="batch_id")
    return batch


def _show(session: Session, batch: Batch) -> BatchObject:
    if batch.ended is not None:
        return show_batch(batch, BatchFigures.from_json(batch.ended))
    return show_batch(batch, None if batch.job_id is None else read_figures(session, job_id=batch.job_id))
