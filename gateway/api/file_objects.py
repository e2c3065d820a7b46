"""Files as OpenAI's client reads them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from db.files import StoredFile
from db.states import FilePurpose
from gateway.api.lists import Listed


class FileObject(Listed):
    """A file; `sha256` of its content is ours."""

    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: FilePurpose
    status: Literal["processed"] = "processed"  # a file is looked into when a batch is made of it
    sha256: str


class DeletedFile(BaseModel):
    """What is said of a file that is gone."""

    model_config = ConfigDict(frozen=True)

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


def show_file(file: StoredFile) -> FileObject:
    """The file's object."""
    return FileObject(
        id=file.id,
        bytes=file.size_bytes,
        created_at=int(file.created_at.timestamp()),
        expires_at=None if file.expires_at is None else int(file.expires_at.timestamp()),
        filename=file.filename,
        purpose=file.purpose,
        sha256=file.sha256,
    )
