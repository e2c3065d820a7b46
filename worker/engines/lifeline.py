"""Ties a process that vLLM starts to ours: it dies with us, even by kill -9, and writes to our log.

Imports nothing heavy: every process of the engine imports it.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CHECK_SECONDS = 0.5


class Lifeline:
    """Takes hold where it is unpickled: in a spawned process, before that process imports what it will run.

    vLLM's own engine process does not notice the death of its parent and would keep the model in memory for ever.
    PR_SET_PDEATHSIG would not do: it fires when the thread that spawned the process ends, not the process.
    """

    def __init__(self, log_path: Path | None) -> None:
        """None leaves the process's output on the terminal."""
        self.log_path = log_path

    def __reduce__(self) -> tuple[Callable[[Path | None, int], "Lifeline"], tuple[Path | None, int]]:
        return hold_lifeline, (self.log_path, os.getpid())


@contextmanager
def carry_lifeline(lifeline: Lifeline) -> Iterator[None]:
    """Give the lifeline to every process spawned meanwhile, and through them to those that they spawn.

    The settings that a process inherits are the first thing that it unpickles, seconds before its target is imported:
    no kill finds a child without its lifeline. They are private to multiprocessing, but as they are since Python 3.4.
    """
    inherited: dict[str, object] = vars(multiprocessing.current_process())["_config"]
    inherited["lifeline"] = lifeline
    try:
        yield
    finally:
        del inherited["lifeline"]


def hold_lifeline(log_path: Path | None, sender_pid: int) -> Lifeline:
    """Called by unpickling: in a child of the sender, log to the file and die with the sender. A copy does nothing."""
    if os.getpid() != sender_pid:
        if log_path is not None:
            _write_output_to(log_path)
        threading.Thread(target=_die_with, args=(sender_pid,), name="lifeline", daemon=True).start()
    return Lifeline(log_path)


def _write_output_to(log_path: Path) -> None:
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def _die_with(parent_pid: int) -> None:
    while os.getppid() == parent_pid:  # an orphan is given to another parent at once
        time.sleep(CHECK_SECONDS)
    os._exit(1)  # not sys.exit: there is nobody left to shut down for, and nothing may delay it
