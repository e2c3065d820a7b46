"""A home for whole commands in tests: their own database and cache, and predictors of the example's strategies."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
EXAMPLES = CHECKOUT / "examples"
STRATEGIES = EXAMPLES / "strategies.yaml"


class Home:
    """Where commands of one test live."""

    def __init__(self, folder: Path, *, cache: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "APPORTION_DATA_DIRECTORY": str(folder / "data"),
            "APPORTION_CACHE_DIRECTORY": str(cache),
            "APPORTION_LEASE_SECONDS": "4",
            "PYTHONPATH": str(CHECKOUT),
            "COLUMNS": "100",
        }

    def start(self, *arguments: str | Path, **environment: str) -> "subprocess.Popen[str]":
        """A running command, in a session of its own as from another terminal; output and errors in one stream."""
        return self._start("-c", "from gateway.cli import main; main()", *map(str, arguments), **environment)

    def start_night(self, job_file: Path, *, out: Path) -> "subprocess.Popen[str]":
        """What `make night` runs, on another job file."""
        return self._start("-m", "examples.distributed_night", "--job-file", str(job_file), "--out", str(out))

    def _start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, expect: int = 0, **environment: str) -> str:
        """What a command printed, once it ended with the expected exit code."""
        with self.start(*arguments, **environment) as command:
            printed, _ = command.communicate(timeout=240)
        assert command.returncode == expect, printed
        return printed


def read_jsonl(path: Path) -> list[Mapping[str, object]]:
    """The lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_jsonl(path: Path, lines: Sequence[str]) -> Path:
    """A file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
