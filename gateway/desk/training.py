"""The trainings that a desk has to have done, in a process that gives way to others: `python -m gateway.desk.training`.

It ends when nothing is left to train, and when its standard input does: the desk is gone then.
"""

import os
import sys
import threading

from gateway.ending import tell_failure
from gateway.json_log import log_as_json
from worker.bootstrap import open_workshop
from worker.errors import SettingError
from worker.low_priority import let_others_go_first
from worker.settings import Settings, read_settings
from worker.training_turn import train_next

FAILED = 1


def train_all(settings: Settings) -> None:
    """Everything that was asked for."""
    if settings.strategies is None:
        raise SettingError("a training needs the strategy file: name it in APPORTION_STRATEGIES")
    with open_workshop(settings, strategy_file=settings.strategies, watch=lambda _: None) as workshop:
        while train_next(workshop):
            pass


def _end_when_input_ends(source: int) -> None:
    while os.read(source, 1024):
        pass
    os._exit(FAILED)  # in the middle of a training: nothing of it is stored, and another trainer takes over


def main() -> int:
    """Its exit code."""
    let_others_go_first()  # and with it every thread that it starts
    threading.Thread(target=_end_when_input_ends, args=(sys.stdin.fileno(),), name="tie", daemon=True).start()
    log_as_json(sys.stderr)
    try:
        train_all(read_settings())
    except Exception as error:
        return int(tell_failure(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
