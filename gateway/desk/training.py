"""The trainings that a desk has to have done, in a process of low priority: `python -m gateway.desk.training`.

It ends when nothing is left to train, and when its standard input does: the desk is gone then.
"""

import os
import sys
import threading

from gateway.ending import tell_failure
from worker.bootstrap import open_workshop
from worker.errors import SettingError
from worker.json_log import LogFormat, write_log
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
    threading.Thread(target=_end_when_input_ends, args=(sys.stdin.fileno(),), name="tie", daemon=True).start()
    try:
        settings = read_settings()
        write_log(sys.stderr, log_format=settings.log_format or LogFormat.JSON)
        train_all(settings)
    except Exception as error:
        return int(tell_failure(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
