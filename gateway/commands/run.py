"""`apportion run`: a job file answered within a budget."""

from pathlib import Path

from rich.console import Console

from db.tasks import NewTask
from gateway.commands.announcement import announce_job
from gateway.commands.finish_job import print_job_output, tell_drained, write_job_output
from gateway.commands.judge import Judge, judge_run
from gateway.commands.working import Working, working
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.jobfile import read_job_file
from gateway.joblines import name_models
from gateway.json_option import choose_progress_console
from gateway.output_folder import check_output_folder
from gateway.report.amounts import say_cost
from gateway.report.gather import describe_objective
from gateway.request import Wish
from router.strategy import StrategyPool
from router.units import Amount
from worker.bootstrap import Workshop, open_workshop
from worker.objective import Request
from worker.pool import read_strategy_file
from worker.progress import Progress, Stage
from worker.runs import run
from worker.settings import read_settings
from worker.submission import RunPlan


def run_job_file(
    console: Console,
    *,
    job_file: Path,
    strategy_file: Path,
    wish: Wish,
    out: Path,
    judge: Judge | None,
    as_json: bool,
) -> ExitCode:
    """Everything that can be refused is refused before anything slow starts: options, output, strategies, tasks."""
    settings = read_settings()
    check_output_folder(out)
    tasks = check_tasks(job_file, strategy_file=strategy_file, request=wish.request)
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        end = run(
            workshop,
            tasks=tasks,
            request=wish.request,
            meta={"job_file": str(job_file), "out": str(out.resolve())},
            precedence=wish.precedence,
            draining=work.draining,
            on_submitted=lambda job_id, plan: _announce(work, workshop, job_id, plan),
        )
        if end.completed and judge is not None:
            judge_run(work, workshop, judge, job_id=end.job_id, out=out)
        if end.completed:
            work.view.show(Progress(stage=Stage.FINISHING))
            report = write_job_output(workshop.database, job_id=end.job_id, folder=out)
    if not end.completed:
        return tell_drained(console, settings, job_id=end.job_id, as_json=as_json)
    print_job_output(console, report, folder=out, as_json=as_json)
    return ExitCode.DONE


def check_tasks(job_file: Path, *, strategy_file: Path, request: Request) -> list[NewTask]:
    """The file's tasks, once they and the budget's unit can be used with these strategies."""
    pool = read_strategy_file(strategy_file)
    _require_price(pool, request=request, strategy_file=strategy_file)
    return read_tasks_of(job_file, pool=pool)


def _require_price(pool: StrategyPool, *, request: Request, strategy_file: Path) -> None:
    if isinstance(request.budget, Amount) and (unit := request.budget.unit) not in pool.units:
        names = [strategy.name for strategy in pool.strategies if unit not in strategy.units]
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        stated = " or ".join(sorted(pool.units))
        raise UsageError(
            f"--budget is in {unit}, in which {names[0]}{others} of {strategy_file} can not be priced: state it in "
            f"{stated}, or declare prices in {unit} under `tariff:`"
        )


def read_tasks_of(job_file: Path, *, pool: StrategyPool) -> list[NewTask]:
    """The file's tasks; JobFileError lists everything that is wrong with it."""
    models = name_models(pool.strategies)
    return [NewTask(custom_id=t.custom_id, payload=t.payload) for t in read_job_file(job_file, models=models)]


def _announce(work: Working, workshop: Workshop, job_id: int, plan: RunPlan) -> None:
    asked = f"job {job_id}: {describe_objective(plan.objective)}"
    announce_job(work, workshop.settings, workshop.database, job_id=job_id, what=asked)
    if doubt := say_doubt(plan):
        work.view.note(doubt)


def say_doubt(plan: RunPlan) -> str | None:
    """How many tasks the budget may not reach, if that can happen."""
    if not plan.tasks_not_guaranteed:
        return None
    enough = say_cost(plan.totals.cheapest_worst, plan.objective.unit)
    beyond = f"{plan.tasks_not_guaranteed:,} tasks may end as budget_exhausted"
    return f"if every answer is as long as it can be, {beyond}; {enough} is enough for all"
