"""What is known of jobs that have ended, kept in memory: nothing of it changes any more."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from db.jobs import Job
from db.states import FINAL_STATES

MOST = 500

Value = TypeVar("Value")


class FinalJobs(Generic[Value]):
    """A list of jobs of a million tasks each is read once; the latest looked at are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Value] = OrderedDict()

    def recall(self, job: Job, read: Callable[[], Value]) -> Value:
        """What is known of the job; read again unless it has ended and was read since."""
        if job.state not in FINAL_STATES:
            return read()
        with self._lock:
            if job.id in self._kept:
                self._kept.move_to_end(job.id)
                return self._kept[job.id]
        value = read()
        with self._lock:
            self._kept[job.id] = value
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return value
