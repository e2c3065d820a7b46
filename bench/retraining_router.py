"""A router that works while something else is measured: it routes jobs of the queue's bench until its input ends.

    python -m bench.retraining_router

prints a line for each window: when it was routed, by the machine's monotonic clock, its tasks, and the seconds it took.
"""

import select
import sys
import time

from bench.queue_job import store_job
from db.jobs import read_job
from db.session import session_scope
from router.warm_up import compile_kernels
from worker.database import open_database
from worker.routing import open_routing, route_next_window
from worker.settings import read_settings

JOB_TASKS = 20_000


def is_told_to_end() -> bool:
    """Whether nobody listens any more."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main() -> None:
    """Store a job, route it, and again; storing is not counted."""
    settings = read_settings()
    compile_kernels()
    with open_database(settings) as database:
        while not is_told_to_end():
            job_id = store_job(settings, tasks=JOB_TASKS).job_id
            with session_scope(database) as session:
                routed = open_routing(database, job=read_job(session, job_id=job_id))
            while not is_told_to_end():
                started = time.monotonic()
                window = route_next_window(database, routed=routed, owner="bench", settings=settings)
                if window is None:
                    break
                ended = time.monotonic()
                print(f"{ended} {window.tasks} {ended - started}", flush=True)


if __name__ == "__main__":
    main()
