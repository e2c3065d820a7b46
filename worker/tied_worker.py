"""A Celery worker that drains when whoever started it is gone: `python -m worker.tied_worker -A worker.app worker ...`.

Its standard input is a pipe that the starter holds open: when the starter dies, however it dies, the pipe closes.
PR_SET_PDEATHSIG would not do: it fires when the thread that started a process ends.
"""

import os
import signal
import sys
import threading

from celery.__main__ import main


def _drain_when_input_ends(source: int) -> None:
    while os.read(source, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_drain_when_input_ends, args=(sys.stdin.fileno(),), name="tie", daemon=True).start()
    main()
