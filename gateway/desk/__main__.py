"""The desk as a process of its own, so that plans and engines never slow the HTTP API: `python -m gateway.desk`.

It ends when it is asked to, and when its standard input does: whoever started it is gone then, however that ended.
"""

import os
import signal
import sys
import threading

from gateway.desk.open_desk import run_desk
from gateway.ending import tell_failure
from worker.json_log import LogFormat, write_log
from worker.settings import read_settings


def _set_when_input_ends(stopping: threading.Event, source: int) -> None:
    while os.read(source, 1024):
        pass
    stopping.set()


def main() -> int:
    """Its exit code."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    tie = (stopping, sys.stdin.fileno())
    threading.Thread(target=_set_when_input_ends, args=tie, name="tie", daemon=True).start()
    try:
        settings = read_settings()
        write_log(sys.stderr, log_format=settings.log_format or LogFormat.JSON)
        return run_desk(settings, stopping=stopping)
    except Exception as error:
        return int(tell_failure(error))


if __name__ == "__main__":
    sys.exit(main())
