"""`apportion judge`: answers that no program can grade are read by a strategy, within a budget of its own."""

from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from db.jobs import Job
from db.session import session_scope
from gateway.commands.finish_job import tell_drained
from gateway.commands.working import working
from gateway.console import CommandConsole
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json
from gateway.known_strategy import find_strategy
from gateway.report.amounts import say_share
from router.units import Amount, BudgetPercent, parse_budget
from worker.bootstrap import open_workshop, read_known_job
from worker.judging import Judged, Judging, count_judged
from worker.objective import Objective
from worker.pool import ServingPool, read_strategy_file
from worker.runs import drive_jobs
from worker.settings import read_settings


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says."""

    job_id: int
    strategy: str
    budget: str


def judge_answers(console: Console, *, strategy_file: Path, asked: Asked, as_json: bool) -> ExitCode:
    """Only answers that nobody has said anything of are read; each command has its own budget."""
    settings, stated = read_settings(), parse_budget(asked.budget)
    position = find_strategy(read_strategy_file(strategy_file), strategy_file, asked.strategy)
    with (
        working(CommandConsole(stderr=True) if as_json else console, settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        judge = workshop.keep([position])
        job = read_known_job(workshop.database, job_id=asked.job_id)
        budget = _settle_budget(stated, job=job, judge=judge.pool)
        judging = Judging(judge, job=job, budget=budget)
        end = drive_jobs(judge, jobs=judging.jobs(), draining=work.draining)
        if end is not None and not end.completed:
            return tell_drained(console, settings, job_id=end.job_id, remedy="the same command")
        with session_scope(workshop.database) as session:
            judged = count_judged(session, job_id=job.id, judging_ids=judging.done)
    if as_json:
        print_json(console, asdict(judged))
    else:
        console.print(Text(describe_judged(judged)))
    return ExitCode.DONE


def describe_judged(judged: Judged) -> str:
    """What came of it, and what is left to do."""
    if not judged.asked:
        return f"job {judged.job_id}: no answer waits for a judge"
    mean = "" if judged.mean is None else f", {say_share(judged.mean)} right on the mean"
    told = f"job {judged.job_id}: {judged.judged:,} answers judged{mean}"
    left = [
        f"{count:,} {what}"
        for count, what in (
            (judged.unreadable, "got no verdict that can be read"),
            (judged.unreached, "were not reached by the budget"),
        )
        if count
    ]
    again = "; the same command asks for them again" if left else ""
    return f"{'; '.join([told, *left])}{again}"


def _settle_budget(stated: Amount | BudgetPercent, *, job: Job, judge: ServingPool) -> Amount:
    """The judge's cap; a percentage is one of the judged job's own."""
    (priced,) = judge.strategies
    if isinstance(stated, BudgetPercent):
        objective = Objective.from_json(job.objective)
        if objective.cap is None:
            raise UsageError(f"--budget is a percentage, and job {job.id} has no budget of its own: state an amount")
        stated = Amount(unit=objective.unit, quanta=stated.quanta_between(0, objective.cap))
    if stated.unit not in priced.tariff.prices:
        known = " or ".join(sorted(priced.tariff.prices))
        raise UsageError(f"--budget is in {stated.unit}, in which {priced.strategy.name} has no price: use {known}")
    return stated
