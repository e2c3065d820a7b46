"""The desk's third clerk, where no broker is named: has predictors trained, as the trainer's role does elsewhere."""

import logging
import subprocess
import sys
import threading

from db.session import session_scope
from db.training_requests import has_open_request
from worker.bootstrap import Workshop
from worker.low_priority import LOW_PRIORITY, let_others_go_first
from worker.settings import Settings, give_environment
from worker.training_turn import LOOK_SECONDS, look_around

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5


class TrainingClerk:
    """Looks now and then, and keeps a process at work while there is something to train."""

    def __init__(self, workshop: Workshop, *, settings: Settings, look_seconds: float = LOOK_SECONDS) -> None:
        self._workshop = workshop
        self._environment = give_environment(settings)
        self._drain_seconds = settings.drain_seconds
        self._look_seconds = look_seconds

    def run(self, stopping: threading.Event) -> None:
        """Until the event is set; errors are told, and tried again with the next look."""
        let_others_go_first()
        while not stopping.wait(self._look_seconds):
            try:
                look_around(self._workshop)
                if self._is_asked():
                    self._train(stopping)
            except Exception:
                logger.exception("training: trying again in %.0f s", self._look_seconds)

    def _is_asked(self) -> bool:
        with session_scope(self._workshop.database) as session:
            return has_open_request(session)

    def _train(self, stopping: threading.Event) -> None:
        """Wait for the process; where the desk ends, for as long as anything is waited for, and then end it."""
        # From the start: the threads that numpy multiplies with begin with its import, and keep their priority.
        command = ["nice", "-n", str(LOW_PRIORITY), sys.executable, "-m", "gateway.desk.training"]
        with subprocess.Popen(command, env=self._environment, stdin=subprocess.PIPE, start_new_session=True) as process:
            while process.poll() is None and not stopping.wait(POLL_SECONDS):
                pass
            try:
                code = process.wait(timeout=self._drain_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                return
        if code:
            logger.warning("the training ended with exit code %d", code)
