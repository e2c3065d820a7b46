"""The follower: brings batches that are jobs to their end, in time or not, and writes their files."""

import logging
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.orm import Session

from db.batches import Batch, move_batch
from db.files import store_file
from db.jobs import Job, read_job
from db.session import run_in_transaction, session_scope
from db.states import FINAL_STATES, BatchStatus, FilePurpose, JobState
from gateway.batch_figures import complete_figures, count_unplanned, read_figures
from gateway.desk.batch_files import WrittenFile, write_batch_files, write_unplanned
from gateway.desk.judge_clerk import JudgeClerk
from gateway.file_store import FileStore
from worker.bootstrap import Workshop
from worker.errors import JobNotDriveable
from worker.job_control import cancel

logger = logging.getLogger(__name__)


class Follower:
    """Looks at a batch, and does what is next."""

    def __init__(self, workshop: Workshop, files: FileStore) -> None:
        self._database, self._files = workshop.database, files
        self._judge = JudgeClerk(workshop)

    def follow(self, batch: Batch) -> None:
        """Bring the batch as far as it can be brought now."""
        if batch.job_id is None:
            is_cancelled = batch.status is BatchStatus.CANCELLING
            self._end_unplanned(batch, to=BatchStatus.CANCELLED if is_cancelled else BatchStatus.EXPIRED)
            return
        with session_scope(self._database) as session:
            job = read_job(session, job_id=batch.job_id)
        match batch.status:
            case BatchStatus.IN_PROGRESS:
                self._look_after(batch, job)
            case BatchStatus.FINALIZING:
                is_whole = job.state is JobState.COMPLETED
                self._finish(batch, to=BatchStatus.COMPLETED if is_whole else BatchStatus.EXPIRED)
            case BatchStatus.CANCELLING:
                if (job.state in FINAL_STATES or self._cancel(job)) and self._judge.stop(batch, job):
                    self._finish(batch, to=BatchStatus.CANCELLED)

    def _look_after(self, batch: Batch, job: Job) -> None:
        """The next look finds what is to be done about where it went."""
        is_over = is_late(batch)
        if job.state in (JobState.CANCELLING, JobState.CANCELLED) and not is_over:
            self._move(batch, to=BatchStatus.CANCELLING)  # by `apportion cancel`
        elif is_over:
            if (job.state in FINAL_STATES or self._cancel(job)) and self._judge.stop(batch, job):
                self._move(batch, to=BatchStatus.FINALIZING)
        elif job.state in FINAL_STATES and self._judge.bring_on(batch, job):
            self._move(batch, to=BatchStatus.FINALIZING)

    def _cancel(self, job: Job) -> bool:
        """Whether nothing of the job is with an engine any more."""
        try:
            return cancel(self._database, job_id=job.id, patience_seconds=0.0)
        except JobNotDriveable:  # it has completed since
            return True

    def _end_unplanned(self, batch: Batch, *, to: BatchStatus) -> None:
        written = write_unplanned(self._files, batch=batch, to=to)

        def store(session: Session) -> bool:
            error_file_id = None if written.errors is None else written.errors.id
            ended = count_unplanned(written.requests).to_json()
            has_moved = move_batch(session, batch_id=batch.id, to=to, ended=ended, error_file_id=error_file_id)
            if has_moved and written.errors is not None:
                _store(session, batch, written.errors)
            return has_moved

        if run_in_transaction(self._database, store):
            logger.info("%s before it was planned: %d requests", to, written.requests)

    def _finish(self, batch: Batch, *, to: BatchStatus) -> None:
        assert batch.job_id is not None
        with session_scope(self._database) as session:
            written = write_batch_files(session, self._files, batch=batch, to=to)
            figures = complete_figures(read_figures(session, job_id=batch.job_id), written.answered)

        def store(session: Session) -> None:
            for file in (written.output, written.errors):
                if file is not None:
                    _store(session, batch, file)
            move_batch(
                session,
                batch_id=batch.id,
                to=to,
                ended=figures.to_json(),
                output_file_id=None if written.output is None else written.output.id,
                error_file_id=None if written.errors is None else written.errors.id,
            )

        run_in_transaction(self._database, store)
        logger.info("%s: %d answered, %d failed of %d", to, figures.completed, figures.failed, figures.total)

    def _move(self, batch: Batch, *, to: BatchStatus) -> None:
        run_in_transaction(self._database, partial(move_batch, batch_id=batch.id, to=to))


def is_late(batch: Batch) -> bool:
    """Whether the batch's time is over."""
    return datetime.now(UTC) >= batch.expires_at


def _store(session: Session, batch: Batch, file: WrittenFile) -> None:
    store_file(
        session,
        file_id=file.id,
        tenant_id=batch.tenant_id,
        purpose=FilePurpose.BATCH_OUTPUT,
        filename=file.name,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        lasts_seconds=batch.output_expires_seconds,
    )
