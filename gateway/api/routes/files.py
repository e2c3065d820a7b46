"""Files: uploaded, listed, read, deleted."""

import errno
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from db.batches import is_read_by_a_batch
from db.files import StoredFile, forget_file, list_files, read_file, store_file
from db.pages import PageAsked
from db.session import reading_session, session_scope
from db.states import FilePurpose
from db.text import replace_unstorable
from gateway.api.callers import Caller, Known
from gateway.api.errors import InvalidRequest, NoSuchObject, Unavailable
from gateway.api.examples import UPLOAD
from gateway.api.file_objects import DeletedFile, FileObject, show_file
from gateway.api.front_door import Door, FrontDoor
from gateway.api.lists import ListPage, make_page
from gateway.api.upload import Upload, receive_upload
from gateway.file_store import NewContent, make_file_id

routes = APIRouter(prefix="/v1/files", tags=["files"])

MAX_FILENAME_CHARACTERS = 255
SHORTEST_EXPIRY_SECONDS, LONGEST_EXPIRY_SECONDS = 3_600, 2_592_000

_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "example": UPLOAD,
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "One request a line."},
                        "purpose": {"type": "string", "enum": [FilePurpose.BATCH.value]},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {
                            "type": "integer",
                            "minimum": SHORTEST_EXPIRY_SECONDS,
                            "maximum": LONGEST_EXPIRY_SECONDS,
                        },
                    },
                },
            }
        },
    }
}


@routes.post("", openapi_extra=_UPLOAD)
async def upload_file(request: Request, door: Door, caller: Caller) -> FileObject:
    """Store a file of requests; it is looked into when a batch is made of it."""
    file_id = make_file_id()
    try:
        with door.files.writing(file_id) as content:
            upload = await receive_upload(request, content=content, max_bytes=door.most_file_bytes(caller.key))
            lasts_seconds = _read_expiry(upload)
            _require_purpose(upload)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("the server's disk is full: nothing was stored") from None
    stored = await run_in_threadpool(
        _store, door, caller, file_id=file_id, upload=upload, content=content, lasts_seconds=lasts_seconds
    )
    return show_file(stored)


@routes.get("")
def list_all_files(  # noqa: PLR0917 - FastAPI passes every parameter by name
    door: Door,
    caller: Caller,
    purpose: FilePurpose | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
) -> ListPage[FileObject]:
    """The tenant's files in pages, the latest first."""
    asked = PageAsked(limit=limit, after=after, ascending=order == "asc")
    with reading_session(door.database) as session:
        rows = list_files(session, tenant_id=caller.tenant_id, purpose=purpose, page=asked)
    return make_page(rows, asked=asked, show=show_file)


@routes.get("/{file_id}")
def retrieve_file(file_id: str, door: Door, caller: Caller) -> FileObject:
    """What is known of a file."""
    return show_file(find_file(door, caller, file_id=file_id))


@routes.get("/{file_id}/content", response_class=FileResponse)
def read_content(file_id: str, door: Door, caller: Caller) -> FileResponse:
    """A file as it was uploaded, or as the batch wrote it."""
    file = find_file(door, caller, file_id=file_id)
    return ContentReply(door.files.path_of(file.id), media_type="application/octet-stream", filename=file.filename)


@routes.delete("/{file_id}")
def delete_file(file_id: str, door: Door, caller: Caller) -> DeletedFile:
    """Forget a file; refused while a batch is still to read it."""
    find_file(door, caller, file_id=file_id)
    with session_scope(door.database) as session:
        if is_read_by_a_batch(session, file_id=file_id):
            raise InvalidRequest(f"file {file_id} is being read by a batch: cancel that, or wait", param="file_id")
        forget_file(session, tenant_id=caller.tenant_id, file_id=file_id)
    door.files.remove(file_id)
    return DeletedFile(id=file_id)


class ContentReply(FileResponse):
    """Read in pieces that are worth a change of threads."""

    chunk_size = 2**20


def find_file(door: FrontDoor, caller: Known, *, file_id: str) -> StoredFile:
    """The caller's file; NoSuchObject."""
    with reading_session(door.database) as session:
        file = read_file(session, tenant_id=caller.tenant_id, file_id=file_id)
    if file is None:
        raise NoSuchObject(f"there is no file {file_id}", param="file_id")
    return file


def _require_purpose(upload: Upload) -> None:
    purpose = upload.fields.get("purpose")
    if purpose != FilePurpose.BATCH:
        found = "is missing" if purpose is None else f'is "{purpose}"'
        raise InvalidRequest(f'purpose {found}: this server takes files with the purpose "batch"', param="purpose")


def _read_expiry(upload: Upload) -> int | None:
    """Seconds, where the upload says when the file may go."""
    anchor, seconds = (upload.fields.get(f"expires_after[{name}]") for name in ("anchor", "seconds"))
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise InvalidRequest('expires_after[anchor] must be "created_at"', param="expires_after[anchor]")
    number = int(seconds) if seconds is not None and seconds.isascii() and seconds.isdigit() else 0
    if not SHORTEST_EXPIRY_SECONDS <= number <= LONGEST_EXPIRY_SECONDS:
        allowed = f"{SHORTEST_EXPIRY_SECONDS} to {LONGEST_EXPIRY_SECONDS}"
        raise InvalidRequest(
            f"expires_after[seconds] must be a whole number from {allowed}", param="expires_after[seconds]"
        )
    return number


def _store(
    door: FrontDoor, caller: Known, *, file_id: str, upload: Upload, content: NewContent, lasts_seconds: int | None
) -> StoredFile:
    """The row of a file that is in its place; without a row it is removed again."""
    try:
        with session_scope(door.database) as session:
            return store_file(
                session,
                file_id=file_id,
                tenant_id=caller.tenant_id,
                purpose=FilePurpose.BATCH,
                filename=replace_unstorable(upload.filename)[:MAX_FILENAME_CHARACTERS],
                size_bytes=content.size_bytes,
                sha256=content.sha256,
                lasts_seconds=lasts_seconds,
            )
    except SQLAlchemyError:
        door.files.remove(file_id)
        raise
