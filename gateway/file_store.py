"""The folder of files: each lies under an id that we made, complete or not at all."""

import hashlib
import os
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED_SUFFIX = ".unfinished"
LEFTOVER_SECONDS = 86_400.0  # after which what nobody knows of was left by a process that was killed
_FILE_ID = re.compile(r"file-[0-9a-f]{32}")


def make_file_id() -> str:
    """A new file's id."""
    return f"file-{uuid.uuid4().hex}"


def derive_file_id(*parts: str) -> str:
    """The id of a file that belongs to something: written again, it takes the place of itself."""
    return f"file-{hashlib.blake2b('/'.join(parts).encode(), digest_size=16).hexdigest()}"


class NewContent:
    """A file's content while it is written: counted and hashed on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Add to its end."""
        self._stream.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)

    @property
    def sha256(self) -> str:
        """Of everything that was written so far."""
        return self._hash.hexdigest()


class FileStore:
    """The folder, made when it is first needed, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, file_id: str) -> Path:
        """Where the file lies: ids that we did not make name nothing."""
        if not _FILE_ID.fullmatch(file_id):
            raise ValueError(f"{file_id!r} is no id of a file")
        return self._folder / file_id

    @contextmanager
    def writing(self, file_id: str) -> Iterator[NewContent]:
        """A file to write, which is in its place when the block ends, and gone when it raises."""
        path = self.path_of(file_id)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f"{file_id}-{uuid.uuid4().hex}{UNFINISHED_SUFFIX}")
        try:
            with unfinished.open("xb") as stream:
                yield NewContent(stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def remove(self, file_id: str) -> None:
        """Whoever reads it now reads on."""
        self.path_of(file_id).unlink(missing_ok=True)

    def list_old(self) -> Sequence[str]:
        """Names of what has lain here for longer than any writing takes."""
        if not self._folder.is_dir():
            return []
        oldest = time.time() - LEFTOVER_SECONDS
        return [entry.name for entry in os.scandir(self._folder) if entry.stat().st_mtime < oldest]

    def remove_leftover(self, name: str) -> None:
        """Something that `list_old` named, and nobody knows."""
        (self._folder / name).unlink(missing_ok=True)
