"""`apportion submit`: a job file planned and stored, for others to answer."""

from pathlib import Path

from rich.console import Console

from gateway.commands.announcement import note_absent
from gateway.commands.run import check_tasks, say_doubt
from gateway.commands.working import working
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console, tell
from gateway.report.gather import describe_objective
from gateway.request import Wish
from worker.bootstrap import open_workshop
from worker.planning import Submitted, submit
from worker.settings import Settings, read_settings


def submit_job_file(console: Console, *, job_file: Path, strategy_file: Path, wish: Wish, as_json: bool) -> ExitCode:
    """The stored job's number, and who answers it."""
    settings = read_settings()
    tasks = check_tasks(job_file, strategy_file=strategy_file, request=wish.request)
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        meta = {"job_file": str(job_file)}
        submitted = submit(workshop, tasks=tasks, request=wish.request, meta=meta, precedence=wish.precedence)
        if settings.has_workers:
            note_absent(work, workshop.database, job_id=submitted.job_id)
    doubt = say_doubt(submitted.plan)
    words = "\n".join(filter(None, (_describe(submitted, settings), doubt)))
    tell(console, words, {"job": submitted.job_id, "tasks": len(tasks), "doubt": doubt}, as_json=as_json)
    return ExitCode.DONE


def _describe(submitted: Submitted, settings: Settings) -> str:
    job_id, asked = submitted.job_id, describe_objective(submitted.plan.objective)
    goes_on = f"`apportion continue {job_id} --out DIR`"
    if settings.has_workers:
        return f"job {job_id}: {asked}; workers answer it, {goes_on} waits for its end and writes its files"
    return f"job {job_id}: {asked}; {goes_on} answers it"
