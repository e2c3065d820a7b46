"""`apportion status`: how far a job is, or the latest jobs."""

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.drift import list_standing_alarms, list_withdrawn_alarms
from db.engine_loads import read_engine_time
from db.job_list import list_jobs
from db.jobs import Job
from db.progress import JobProgress, read_progress
from db.session import session_scope
from db.strategies import read_strategies
from gateway.drift_words import say_alarm, say_withdrawal
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json
from gateway.report.amounts import say_cost, say_cost_of, say_share
from gateway.report.deadline import say_deadline
from gateway.report.exploration import read_exploration, say_exploration
from gateway.report.gather import describe_objective
from gateway.report.second_chances import read_second_chances, say_second_chances
from worker.bootstrap import read_known_job
from worker.database import open_database
from worker.objective import Objective
from worker.settings import read_settings
from worker.submission import TENANT

LISTED_JOBS = 20


def show_status(console: Console, *, job_id: int | None, as_json: bool) -> ExitCode:
    """One job in full, or one line for each of the latest."""
    with open_database(read_settings()) as database:
        if as_json:
            print_json(console, _describe_jobs(database) if job_id is None else _describe_job(database, job_id=job_id))
        elif job_id is not None:
            show_job(console, database, job_id=job_id)
        else:
            with session_scope(database) as session:
                console.print(_jobs_table(session, list_jobs(session, tenant_id=TENANT, limit=LISTED_JOBS)))
    return ExitCode.DONE


def _describe_jobs(database: Database) -> list[dict[str, Any]]:
    with session_scope(database) as session:
        return [_describe(session, job) for job in list_jobs(session, tenant_id=TENANT, limit=LISTED_JOBS)]


def _describe_job(database: Database, *, job_id: int) -> dict[str, Any]:
    job = read_known_job(database, job_id=job_id)
    with session_scope(database) as session:
        return _describe(session, job)


def _describe(session: Session, job: Job) -> dict[str, Any]:
    """Counts, and amounts in whole quanta of the unit."""
    progress, budget = read_progress(session, job_id=job.id), read_budget(session, budget_id=job.budget_id)
    exploration, chances = read_exploration(session, job=job), read_second_chances(session, job=job)
    return {
        "job": job.id,
        "kind": job.kind.value,
        "state": job.state.value,
        "paused": job.paused,
        "submitted_at": job.submitted_at,
        "finished_at": job.finished_at,
        "deadline": job.deadline,
        "unit": budget.unit,
        "budget": {"name": budget.name, "shared": budget.shared, "cap": budget.cap, "left": budget.left},
        **asdict(progress),
        "exploration": None if exploration is None else asdict(exploration),
        "second_chances": None if chances is None else asdict(chances),
    }


def show_job(console: Console, database: Database, *, job_id: int) -> None:
    """One job in full: from counts, however many tasks it has."""
    known = read_known_job(database, job_id=job_id)
    with session_scope(database) as session:
        console.print(_job_table(session, known))


def _jobs_table(session: Session, jobs: list[Job]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", caption=None if jobs else "no jobs yet")
    table.add_column("job", justify="right")
    table.add_column("kind")
    table.add_column("state")
    table.add_column("answered", justify="right")
    table.add_column("spent")
    table.add_column("submitted")
    for job in jobs:
        progress = read_progress(session, job_id=job.id)
        table.add_row(
            str(job.id),
            job.kind,
            _say_state(job),
            f"{progress.outcomes:,} of {progress.answers_needed:,}",
            _say_spend(job, progress, cap=_find_own_cap(read_budget(session, budget_id=job.budget_id))),
            f"{job.submitted_at:%Y-%m-%d %H:%M}",
        )
    return table


def _job_table(session: Session, job: Job) -> Table:
    progress = read_progress(session, job_id=job.id)
    budget = read_budget(session, budget_id=job.budget_id)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_row("job", f"{job.id}, {job.kind}, {_say_state(job)}")
    table.add_row("file", str(job.meta.get("job_file", job.meta.get("strategy_file", ""))))
    table.add_row("asked", describe_objective(Objective.from_json(job.objective)))
    table.add_row(
        "answered", f"{progress.outcomes:,} of {progress.answers_needed:,}, {progress.errors:,} with an error"
    )
    if job.deadline is not None:
        table.add_row("deadline", say_deadline(job.deadline, read_engine_time(session, job_id=job.id)))
    if progress.graded:
        table.add_row("right", f"{say_share(progress.correct / progress.graded)} of {progress.graded:,} graded")
    table.add_row("spent", _say_spend(job, progress, cap=_find_own_cap(budget)))
    if (exploration := read_exploration(session, job=job)) is not None:
        table.add_row("explored", say_exploration(exploration, unit=Objective.from_json(job.objective).unit))
    if (chances := read_second_chances(session, job=job)) is not None:
        table.add_row("again", say_second_chances(chances, unit=Objective.from_json(job.objective).unit))
    if budget.shared:
        unit, used = Objective.from_json(job.objective).unit, budget.spent + budget.burned
        table.add_row(f"budget {budget.name}", f"{say_cost_of(used, budget.cap or 0, unit)} by all its jobs")
    names = {own.name for own in read_strategies(session, strategy_ids=job.strategy_ids)}
    for alarm in list_standing_alarms(session):
        if alarm.strategy in names:
            table.add_row("predictions", f"{alarm.strategy}: {say_alarm(alarm)}")
    for alarm in list_withdrawn_alarms(session):
        if alarm.strategy in names:
            table.add_row("predictions", f"{alarm.strategy}: {say_withdrawal(alarm)}")
    for reason, count in progress.requeued.items():
        table.add_row(reason.replace("_", " "), f"{count:,} tasks")
    return table


def _find_own_cap(budget: Budget) -> int | None:
    return None if budget.shared else budget.cap


def _say_state(job: Job) -> str:
    return f"{job.state}, paused" if job.paused and job.finished_at is None else job.state


def _say_spend(job: Job, progress: JobProgress, *, cap: int | None) -> str:
    """The job's own spending; beside the cap where that is the job's own as well."""
    unit, used = Objective.from_json(job.objective).unit, progress.spent + progress.burned
    return say_cost(used, unit) if cap is None else say_cost_of(used, cap, unit)
