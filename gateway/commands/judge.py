"""`apportion judge`: answers that no program can grade are read by a strategy, within a budget of its own."""

import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from db.session import session_scope
from gateway.commands.finish_job import tell_drained, write_job_output
from gateway.commands.working import Working, working
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console, tell
from gateway.judge_budget import settle_judge_budget
from gateway.known_strategy import find_strategy
from gateway.report.amounts import say_share
from router.units import Amount, BudgetPercent, parse_budget
from worker.bootstrap import Workshop, open_workshop, read_known_job
from worker.engines.errors import EngineError
from worker.judging import Judged, Judging, count_judged
from worker.pool import read_strategy_file
from worker.runs import drive_jobs
from worker.settings import read_settings


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Who judges, as the command line says."""

    strategy: str
    position: int  # of the strategy in its file
    budget: Amount | BudgetPercent


def read_judge(strategy_file: Path, *, strategy: str, budget: str) -> Judge:
    """The judge, once the file has it and the budget can be read."""
    position = find_strategy(read_strategy_file(strategy_file), strategy_file, strategy)
    return Judge(strategy=strategy, position=position, budget=parse_budget(budget))


def judge_answers(console: Console, *, job_id: int, strategy_file: Path, judge: Judge, as_json: bool) -> ExitCode:
    """Only answers that nobody has said anything of are read; each command has its own budget."""
    settings = read_settings()
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        drained, judged = let_judge(workshop, job_id=job_id, judge=judge, draining=work.draining)
    if drained is not None:
        return tell_drained(console, settings, job_id=drained, remedy="the same command", as_json=as_json)
    tell(console, describe_judged(judged), asdict(judged), as_json=as_json)
    return ExitCode.DONE


class Let(NamedTuple):
    """How far a judge came."""

    drained: int | None  # the judging job that was stopped on request
    judged: Judged


def let_judge(workshop: Workshop, *, job_id: int, judge: Judge, draining: threading.Event) -> Let:
    """Bring the judging of a job to its end, or as far as we may."""
    own = workshop.keep([judge.position])
    job = read_known_job(workshop.database, job_id=job_id)
    judging = Judging(own, job=job, budget=settle_judge_budget(judge.budget, job=job, judge=own.pool))
    end = drive_jobs(own, jobs=judging.jobs(), draining=draining)
    with session_scope(workshop.database) as session:
        judged = count_judged(session, job_id=job.id, judging_ids=judging.done)
    return Let(end.job_id if end is not None and not end.completed else None, judged)


def judge_run(work: Working, workshop: Workshop, judge: Judge, *, job_id: int, out: Path) -> None:
    """Note what the judge of a run came to; where it can not be asked, the answers are written all the same."""
    again = f"`apportion judge {job_id} --by {judge.strategy}`, with --strategies and --budget, goes on"
    try:
        let = let_judge(workshop, job_id=job_id, judge=judge, draining=work.draining)
    except EngineError:
        write_job_output(workshop.database, job_id=job_id, folder=out)
        work.view.note(f"job {job_id}: its answers are in {out}, and are not all judged: {again} once the engine works")
        raise
    stopped = f"job {job_id}: its answers are not all judged: {again}"
    work.view.note(describe_judged(let.judged) if let.drained is None else stopped)


def describe_judged(judged: Judged) -> str:
    """What came of it, and what is left to do."""
    if not judged.asked:
        whose = "only those of tasks with a grader of kind judge do, once"
        return f"job {judged.job_id}: no answer waits for a judge: {whose}"
    mean = "" if judged.mean is None else f", {say_share(judged.mean)} right on the mean"
    told = f"job {judged.job_id}: {judged.judged:,} answers judged{mean}"
    left = [
        f"{count:,} {what}"
        for count, what in (
            (judged.unreadable, "got no verdict that can be read"),
            (judged.unanswered, "were not read, as the judge's engine failed or refused"),
            (judged.unreached, "were not reached by the budget"),
        )
        if count
    ]
    more = " with a larger --budget" if judged.unreached else ""
    again = f"; the same command{more} asks for them again" if left else ""
    return f"{'; '.join([told, *left])}{again}"
