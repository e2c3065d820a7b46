"""The end of a job's command: its files written, its report printed, and the next step named."""

from pathlib import Path

from rich.console import Console
from rich.text import Text
from sqlalchemy import Engine

from db.jobs import Job
from db.session import session_scope
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.job_files import write_files
from gateway.json_option import print_json, tell
from gateway.report.gather import gather_report
from gateway.report.terminal import print_report
from gateway.report.values import JobReport
from gateway.report_json import describe_report
from worker.settings import Settings


def choose_folder(job: Job, *, out: Path | None) -> Path:
    """Where the job's files go: as it is asked now, else as its first command was told; UsageError if neither says."""
    if out is None and "out" not in job.meta:
        raise UsageError(f"job {job.id} was submitted without a folder for its files: name one with --out")
    return out or Path(job.meta["out"])


def write_job_output(database: Engine, *, job_id: int, folder: Path) -> JobReport:
    """Write the job's files and give the report they were made with."""
    with session_scope(database) as session:
        report = gather_report(session, job_id=job_id)
        write_files(session, report=report, folder=folder)
    return report


def print_job_output(console: Console, report: JobReport, *, folder: Path, as_json: bool) -> None:
    """Print the report and where the files are."""
    if as_json:
        print_json(console, {**describe_report(report), "folder": str(folder)})
        return
    print_report(console, report)
    console.print()
    console.print(Text.assemble("results, errors, decisions and report.html are in ", (str(folder), "bold")))


def tell_drained(
    console: Console, settings: Settings, *, job_id: int, remedy: str | None = None, as_json: bool
) -> ExitCode:
    """Say how to come back to a job that was drained; `apportion continue` if no other remedy is named."""
    comes_back = remedy or f"`apportion continue {job_id}`"
    if settings.has_workers:
        words = f"job {job_id} goes on without this command: {comes_back} watches it again"
    else:
        words = f"job {job_id} is stopped, nothing is lost: {comes_back} goes on"
    tell(console, words, {"job": job_id, "completed": False}, as_json=as_json)
    return ExitCode.DRAINED
