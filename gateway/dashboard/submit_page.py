"""A job file with a budget, from a form: the same batch that POST /v1/batches would make of it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from db.batches import Batch
from db.budget_list import list_budgets
from db.files import forget_file, store_file
from db.session import run_in_transaction, session_scope
from db.states import FilePurpose
from db.text import replace_unstorable
from gateway.api.batch_request import BatchRequest
from gateway.api.callers import Known
from gateway.api.errors import ApiError, InvalidRequest, TooLarge
from gateway.api.front_door import Door, FrontDoor
from gateway.api.new_batch import open_batch
from gateway.dashboard.forms import Form, read_text, read_upload
from gateway.dashboard.pages import render_page
from gateway.dashboard.visitor import Looking, Visitor
from gateway.file_store import make_file_id

routes = APIRouter(prefix="/submit")

ENDPOINT = "/v1/chat/completions"
NAME_CHARACTERS = 255
CHUNK_BYTES = 2**20
LISTED_BUDGETS = 100
SHARED_PREFIX = "shared:"  # before the name of a budget that was chosen instead of an amount
FIELDS = ("budget", "amount", "window")
AS_FIRST_SHOWN = {"budget": "", "amount": "25%", "window": "24h"}


@routes.get("")
def ask_for_job(request: Request, door: Door, visitor: Looking) -> Response:
    """The form."""
    return _show(request, door, visitor, written=AS_FIRST_SHOWN, problem=None)


@routes.post("")
def submit_job(request: Request, door: Door, visitor: Looking, form: Form) -> Response:
    """To the batch's page; the form again where something about it is wrong."""
    try:
        batch = _submit(door, visitor, form)
    except ApiError as error:
        written = {name: str(form.get(name) or "") for name in FIELDS}
        return _show(request, door, visitor, written=written, problem=error)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/batches/{batch.id}", status_code=303)


def _show(
    request: Request, door: FrontDoor, visitor: Visitor, *, written: Mapping[str, str], problem: ApiError | None
) -> Response:
    with session_scope(door.database) as session:
        budgets = list_budgets(session, tenant_id=visitor.tenant_id, shared=True, limit=LISTED_BUDGETS)
    allowed = None if visitor.key is None else visitor.key.budgets
    values = {
        "written": written,
        "problem": None if problem is None else str(problem),
        "shared": sorted({budget.name for budget in budgets if allowed is None or budget.name in allowed}),
        "own_amount": allowed is None,
        "SHARED_PREFIX": SHARED_PREFIX,
    }
    return render_page(request, "submit.html.j2", values, status=200 if problem is None else int(problem.status))


def _submit(door: FrontDoor, visitor: Visitor, form: FormData) -> Batch:
    upload = read_upload(form, "file")
    _require_size(upload, most_bytes=door.most_file_bytes(visitor.key))
    asked = _read_request(form)
    file_id = _store_upload(door, visitor, upload)
    caller = Known(tenant_id=visitor.tenant_id, key=visitor.key)
    body = BatchRequest.model_validate({"input_file_id": file_id, "endpoint": ENDPOINT, **asked})
    try:
        return run_in_transaction(
            door.database,
            lambda session: open_batch(session, door, caller, body=body, idempotency_key=None, is_retry=False),
        )
    except ApiError:
        with session_scope(door.database) as session:
            forget_file(session, tenant_id=visitor.tenant_id, file_id=file_id)
        door.files.remove(file_id)
        raise


def _require_size(upload: UploadFile, *, most_bytes: int) -> None:
    if (upload.size or 0) > most_bytes:
        raise TooLarge(f"The file is larger than {most_bytes:,} bytes: split it.", param="file")


def _read_request(form: FormData) -> Mapping[str, Any]:
    """The batch's fields that the form states; InvalidRequest where one can not be read."""
    chosen, window = str(form.get("budget") or ""), read_text(form, "window")
    named = chosen.removeprefix(SHARED_PREFIX) if chosen.startswith(SHARED_PREFIX) else None
    budget = read_text(form, "amount") if named is None else {"name": named}
    asked = {"budget": budget, "completion_window": window}
    try:
        BatchRequest.model_validate({"input_file_id": "file", "endpoint": ENDPOINT, **asked})
    except ValidationError:
        raise InvalidRequest(f'{window!r} is no time to end by: write "90m", "24h" or "3d".', param="window") from None
    return asked


def _store_upload(door: FrontDoor, visitor: Visitor, upload: UploadFile) -> str:
    """The id of the stored file."""
    file_id = make_file_id()
    with door.files.writing(file_id) as content:
        while chunk := upload.file.read(CHUNK_BYTES):
            content.write(chunk)
    with session_scope(door.database) as session:
        store_file(
            session,
            file_id=file_id,
            tenant_id=visitor.tenant_id,
            purpose=FilePurpose.BATCH,
            filename=replace_unstorable(upload.filename or "")[:NAME_CHARACTERS],
            size_bytes=content.size_bytes,
            sha256=content.sha256,
            lasts_seconds=None,
        )
    return file_id
