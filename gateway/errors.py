"""What can be wrong with what people hand us.

GatewayError
├── UsageError            options that contradict each other
├── NoSuchKey             an id that no API key in use has
├── JobFileError          a job file that can not be taken, with every problem found
├── BadFieldError         one field of one line (in jsonline.py; always gathered into a JobFileError)
├── ServerError           what a server refuses that a command asks, or that it does not answer
├── ApiError              what the HTTP API refuses (its tree is in api/errors.py)
└── OutputError           the output folder, or a file in it
    ├── OutputNotWritable
    └── OutputDiskFull
"""

from collections.abc import Sequence
from pathlib import Path

from gateway.exit_codes import ExitCode


class GatewayError(Exception):
    """Base of every error the gateway raises; the message is written for the person at the terminal."""


class UsageError(GatewayError):
    """Options that contradict each other or can not be read."""


class NoSuchKey(GatewayError):
    """No API key in use has that id."""


class JobFileError(GatewayError):
    """A job file that can not be taken: one line for each of the first problems, and how many more there are."""

    def __init__(self, path: str, problems: Sequence[str], *, problem_count: int) -> None:
        self.path = path
        self.problems = tuple(problems)
        self.problem_count = problem_count
        super().__init__("\n".join([*self.problems, *self._closing_lines()]))

    def _closing_lines(self) -> list[str]:
        hidden = self.problem_count - len(self.problems)
        if hidden > 0:
            return [f"{self.path}: and {hidden:,} more problems"]
        return []


class ServerError(GatewayError):
    """A server that a command asks refuses, in its own words, or does not answer."""

    def __init__(self, message: str, *, exit_code: ExitCode) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class OutputError(GatewayError):
    """The output folder, or a file in it, can not be written."""


class OutputNotWritable(OutputError):
    """The output folder can not be made or written to."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"output folder {path}: {reason}; name a folder you may write to with --out")


class OutputDiskFull(OutputError):
    """The disk under the output folder has no room left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}: the disk is full, nothing was replaced; free some space, then write the files again with "
            "`apportion report JOB --out DIR`"
        )
