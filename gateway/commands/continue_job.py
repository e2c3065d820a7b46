"""`apportion continue`: a job that a crash or Ctrl-C left is brought to its end."""

import asyncio
from pathlib import Path

from rich.console import Console
from sqlalchemy import Engine as Database

from db.jobs import Job
from db.states import JobKind, JobState
from gateway.commands.announcement import note_absent
from gateway.commands.finish_job import choose_folder, print_job_output, tell_drained, write_job_output
from gateway.commands.working import Working, working
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console, tell
from gateway.output_folder import check_output_folder
from worker.bootstrap import reopen_workshop
from worker.continuation import find_latest
from worker.database import open_database
from worker.errors import JobNotDriveable
from worker.producer import follow_job
from worker.progress import Progress, Stage
from worker.runs import drive_job, require_whole
from worker.settings import Settings, read_settings

# What has no report is learnt from.
LEARNING = {
    JobKind.CALIBRATION: "`apportion train` learns from it",
    JobKind.PROBE: "the `apportion probe` command that began it goes on from there",
    JobKind.JUDGING: "the `apportion judge` command that began it stores its verdicts",
}


def continue_job(console: Console, *, job_id: int, out: Path | None, as_json: bool) -> ExitCode:
    """What was answered stays answered; the files go to `out`, or where the job's first command was told."""
    settings, report = read_settings(), None
    progress = choose_progress_console(console, as_json=as_json)
    with working(progress, settings) as work, open_database(settings) as database:
        job = find_latest(database, job_id=job_id)
        if job.id != job_id:
            work.view.note(f"job {job.id} continues job {job_id}: it asks what the budget did not reach")
        _require_continuable(job)
        folder = _check_folder(job, out=out)
        completed = job.state is JobState.COMPLETED  # then neither its strategies nor an engine are needed
        if not completed:
            completed = _bring_to_its_end(settings, database, job, work)
        if completed and folder is not None:
            work.view.show(Progress(stage=Stage.FINISHING))
            report = write_job_output(database, job_id=job.id, folder=folder)
    if not completed:
        return tell_drained(console, settings, job_id=job.id, as_json=as_json)
    if report is None or folder is None:
        words = f"{job.kind} {job.id} is complete: {LEARNING[job.kind]}"
        tell(console, words, {"job": job.id, "kind": job.kind.value, "completed": True}, as_json=as_json)
    else:
        print_job_output(console, report, folder=folder, as_json=as_json)
    return ExitCode.DONE


def _check_folder(job: Job, *, out: Path | None) -> Path | None:
    """Where its files can be written; None for what has none."""
    if job.kind is not JobKind.RUN:
        return None
    folder = choose_folder(job, out=out)
    check_output_folder(folder)
    return folder


def _require_continuable(job: Job) -> None:
    if job.state is JobState.CANCELLED:
        raise JobNotDriveable(f"job {job.id} is cancelled: `apportion report {job.id}` shows what was answered before")
    if job.state is JobState.CANCELLING:
        raise JobNotDriveable(f"job {job.id} is being cancelled: `apportion cancel {job.id}` brings it to its end")
    if job.paused and job.state is not JobState.COMPLETED:
        raise JobNotDriveable(f"job {job.id} is paused: `apportion unpause {job.id}` lets it go on")


def _bring_to_its_end(settings: Settings, database: Database, job: Job, work: Working) -> bool:
    """Whether it got there before we were asked to stop; who only watches needs neither strategies nor engines."""
    if settings.has_workers:
        note_absent(work, database, job_id=job.id)
        following = follow_job(settings, database=database, job_id=job.id, draining=work.draining, watch=work.view.show)
        completed = asyncio.run(following)
        require_whole(database, job_id=job.id)
        return completed
    workshop = reopen_workshop(settings, database=database, job=job, watch=work.view.show)
    return drive_job(workshop, job_id=job.id, draining=work.draining).completed
