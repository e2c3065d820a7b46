"""Keeps a desk running beside the HTTP API: a process of its own, started again when it ends."""

import logging
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from worker.settings import Settings, give_environment

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0  # before a desk that ended is started again


class DeskKeeper:
    """Starts with the `with` block, and ends the desk with it."""

    def __init__(self, settings: Settings, *, strategy_file: Path) -> None:
        self._environment = give_environment(replace(settings, strategies=strategy_file.resolve()))
        self._drain_seconds = settings.drain_seconds
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="desk keeper", daemon=True)

    def __enter__(self) -> Self:
        self._process = self._start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._end()

    @property
    def is_at_work(self) -> bool:
        """Whether there is a desk now."""
        return self._process is not None and self._process.poll() is None

    def _keep(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            assert self._process is not None
            code = self._process.poll()
            if code is not None:
                logger.warning("the desk ended with exit code %d: starting another", code)
                self._end()
                self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "gateway.desk"],
            env=self._environment,
            stdin=subprocess.PIPE,  # the desk ends when this closes
            start_new_session=True,  # Ctrl-C ends the server, which ends its desk
        )

    def _end(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=self._drain_seconds + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
