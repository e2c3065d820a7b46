"""A workshop with a database of its own that is gone afterwards: a bench neither sees nor leaves anything behind."""

import dataclasses
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from gateway.commands.run import read_tasks_of
from gateway.live.plain_view import PlainView
from router.warm_up import compile_kernels
from worker.bootstrap import Workshop, open_workshop
from worker.calibration import calibration_meta
from worker.job_recording import record_job
from worker.pool import read_strategy_file
from worker.recording import Recording, hash_task_file
from worker.runs import drive_job
from worker.settings import read_settings
from worker.submission import submit_calibration


@contextmanager
def open_private_workshop(strategy_file: Path, *, view: PlainView) -> Iterator[Workshop]:
    """A workshop on an empty database, the allocator compiled; models come from the cache that the settings name."""
    compile_kernels()
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    # What is measured is the best choice; what exploring costs is measured by benches of its own.
    settings = dataclasses.replace(read_settings(), database_url=None, data_directory=folder, exploration=0.0)
    try:
        with open_workshop(settings, strategy_file=strategy_file, watch=view.show) as workshop:
            yield workshop
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answer_all(workshop: Workshop, task_file: Path) -> Recording:
    """What every strategy did with every task of a file, run now on the real engines."""
    tasks = read_tasks(workshop, task_file)
    meta = calibration_meta(tasks_sha256=hash_task_file(task_file), pool=workshop.pool)
    job_id = run_in_transaction(
        workshop.database,
        lambda session: submit_calibration(
            session, tasks=tasks, pool=workshop.pool, strategy_ids=workshop.strategy_ids, meta=meta
        ),
    )
    drive_job(workshop, job_id=job_id, draining=threading.Event())
    with session_scope(workshop.database) as session:
        return record_job(session, job_id=job_id)


def read_tasks(workshop: Workshop, task_file: Path) -> list[NewTask]:
    """The tasks of a file, checked as the commands check them."""
    return read_tasks_of(task_file, pool=read_strategy_file(workshop.pool.source))
