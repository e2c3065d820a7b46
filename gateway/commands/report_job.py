"""`apportion report`: a job's files and report, made again from the database."""

from pathlib import Path

from rich.console import Console

from db.jobs import Job
from db.states import JobKind
from gateway.commands.finish_job import choose_folder, print_job_output, write_job_output
from gateway.exit_codes import ExitCode
from gateway.output_folder import check_output_folder
from worker.bootstrap import read_known_job
from worker.database import open_database
from worker.errors import JobNotDriveable
from worker.settings import read_settings


def report_job(console: Console, *, job_id: int, out: Path | None, as_json: bool) -> ExitCode:
    """The report of a run in any state, into `out` or where the job's first command was told to put its files."""
    with open_database(read_settings()) as database:
        job = read_known_job(database, job_id=job_id)
        require_run(job)
        folder = choose_folder(job, out=out)
        check_output_folder(folder)
        report = write_job_output(database, job_id=job_id, folder=folder)
    print_job_output(console, report, folder=folder, as_json=as_json)
    return ExitCode.DONE


def require_run(job: Job) -> None:
    """JobNotDriveable for a calibration or a probe."""
    if job.kind is not JobKind.RUN:
        raise JobNotDriveable(
            f"job {job.id} is a {job.kind}, and only runs have a report and results: `apportion status {job.id}` "
            "shows it"
        )
