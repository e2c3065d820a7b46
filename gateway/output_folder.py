"""The folder a job's files go to: checked before any work, then filled all at once or not at all."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from gateway.errors import OutputDiskFull, OutputError, OutputNotWritable


def check_output_folder(folder: Path) -> None:
    """Nothing, when files can be made in the folder; OutputNotWritable or OutputDiskFull otherwise. Leaves no trace."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    made: list[Path] = []
    try:
        for parent in reversed(missing):
            parent.mkdir()
            made.append(parent)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".apportion-") as probe:
            probe.write(b"\0" * 4096)  # a full disk still makes empty files
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise _explain(folder, error) from error
    finally:
        for parent in reversed(made):
            with contextlib.suppress(OSError):  # another command may have put something there meanwhile
                parent.rmdir()


class OutputFolder:
    """Files being written under temporary names; they take their own names together, when all of them are whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: list[tuple[Path, Path]] = []

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[TextIO]:
        """A text stream that becomes the file `name` when the folder is published."""
        final = self.folder / name
        part = self.folder / f".{name}.{os.getpid()}.part"
        self._written.append((part, final))
        with part.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def publish(self) -> None:
        """Give every file its name, replacing those of an earlier run."""
        for part, final in self._written:
            part.replace(final)
        self._written.clear()
        _sync_folder(self.folder)

    def discard(self) -> None:
        """Remove what was not published."""
        for part, _ in self._written:
            part.unlink(missing_ok=True)
        self._written.clear()


@contextlib.contextmanager
def writing_output(folder: Path) -> Iterator[OutputFolder]:
    """An OutputFolder that is published when the block ends well and discarded when it does not."""
    output = OutputFolder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield output
        output.publish()
    except OSError as error:
        raise _explain(folder, error) from error
    finally:
        output.discard()


def _explain(folder: Path, error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputDiskFull(folder)
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return OutputNotWritable(folder, "a file is in its way")
    return OutputNotWritable(folder, error.strerror or str(error))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # a rename is only safe from a power cut once its folder is on disk
    finally:
        os.close(descriptor)
