"""The commands on jobs: options in, one call a command, an exit code out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.job_options import (
    BudgetOption,
    Deadline,
    DeferralOption,
    ExplorationOption,
    JudgeBudgetOption,
    JudgeOption,
    Priority,
    SecondChancesOption,
    SharedOption,
    TargetOption,
    WeightOption,
    WishOptions,
    refuse_judge,
)
from gateway.json_option import AsJson
from gateway.place import end_at, end_on_database
from gateway.strategies_cli import StrategyFileHere, refuse_strategy_file, require_strategy_file

if TYPE_CHECKING:
    from gateway.client.server import ApiServer

JobFile = Annotated[Path, typer.Argument(metavar="JOBFILE", help="JSONL file in the OpenAI batch format.")]
OutFolder = Annotated[Path, typer.Option(help="Folder for results, errors, decisions and the report.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="The job's number; at a server, its batch's id.")]


def run(  # noqa: PLR0917 - typer passes every option by name
    job_file: JobFile,
    out: OutFolder,
    strategies: StrategyFileHere = None,
    budget: BudgetOption = None,
    weight: WeightOption = None,
    target_accuracy: TargetOption = None,
    shared_budget: SharedOption = None,
    exploration: ExplorationOption = None,
    second_chances: SecondChancesOption = False,
    deferral: DeferralOption = None,
    priority: Priority = 0,
    deadline: Deadline = None,
    judge_by: JudgeOption = None,
    judge_budget: JudgeBudgetOption = "10%",
    as_json: AsJson = False,
) -> None:
    """Answer a job file within a budget; exactly one of --budget, --weight, --target-accuracy, --shared-budget."""

    asked = WishOptions(
        budget, weight, target_accuracy, shared_budget, exploration, second_chances, deferral, priority, deadline
    )

    def here(console: Console) -> ExitCode:
        file, wish = require_strategy_file(strategies), asked.read()
        from gateway.commands.judge import read_judge
        from gateway.commands.run import run_job_file

        judge = None if judge_by is None else read_judge(file, strategy=judge_by, budget=judge_budget)
        return run_job_file(
            console, job_file=job_file, strategy_file=file, wish=wish, out=out, judge=judge, as_json=as_json
        )

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.batches import JudgeWish
        from gateway.client.jobs import run_there

        refuse_strategy_file(strategies)
        judge = None if judge_by is None else JudgeWish(judge_by, judge_budget)
        return run_there(console, server, job_file=job_file, wish=asked.read(), out=out, judge=judge, as_json=as_json)

    end_at(database=here, server=there)


def submit(  # noqa: PLR0917 - typer passes every option by name
    job_file: JobFile,
    strategies: StrategyFileHere = None,
    budget: BudgetOption = None,
    weight: WeightOption = None,
    target_accuracy: TargetOption = None,
    shared_budget: SharedOption = None,
    exploration: ExplorationOption = None,
    second_chances: SecondChancesOption = False,
    deferral: DeferralOption = None,
    priority: Priority = 0,
    deadline: Deadline = None,
    judge_by: JudgeOption = None,
    judge_budget: JudgeBudgetOption = "10%",
    as_json: AsJson = False,
) -> None:
    """Plan and store a job file as `run` does, and leave the answering to workers, or to `continue`."""

    asked = WishOptions(
        budget, weight, target_accuracy, shared_budget, exploration, second_chances, deferral, priority, deadline
    )

    def here(console: Console) -> ExitCode:
        file, wish = require_strategy_file(strategies), asked.read()
        refuse_judge(judge_by)
        from gateway.commands.submit import submit_job_file

        return submit_job_file(console, job_file=job_file, strategy_file=file, wish=wish, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.batches import JudgeWish
        from gateway.client.jobs import submit_there

        refuse_strategy_file(strategies)
        judge = None if judge_by is None else JudgeWish(judge_by, judge_budget)
        return submit_there(console, server, job_file=job_file, wish=asked.read(), judge=judge, as_json=as_json)

    end_at(database=here, server=there)


def continue_(
    job: JobName,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; the job's own if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a job that stopped: what was answered stays, and nothing is answered twice.

    What a crash or a second Ctrl-C broke off is charged at its worst case and asked again.
    Under a tight budget some tasks may then end as budget_exhausted. A first Ctrl-C breaks nothing off.
    """

    def here(console: Console) -> ExitCode:
        from gateway.commands.continue_job import continue_job
        from gateway.job_number import read_job_number

        return continue_job(console, job_id=read_job_number(job), out=out, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.jobs import continue_there

        return continue_there(console, server, batch_id=job, out=out, as_json=as_json)

    end_at(database=here, server=there)


def status(
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="The job's number; at a server, its batch's id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a job is, or list the latest jobs."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.show_status import show_status
        from gateway.job_number import read_job_number

        return show_status(console, job_id=None if job is None else read_job_number(job), as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.jobs import show_status_there

        return show_status_there(console, server, batch_id=job, as_json=as_json)

    end_at(database=here, server=there)


def results(
    job: JobName,
    errors: Annotated[bool, typer.Option("--errors", help="The tasks without an answer, and why.")] = False,
) -> None:
    """Print a job's answers, a JSON object a line, as results.jsonl has them."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.results import print_results
        from gateway.job_number import read_job_number

        return print_results(console, job_id=read_job_number(job), errors=errors)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.jobs import print_results_there

        return print_results_there(console, server, batch_id=job, errors=errors)

    end_at(database=here, server=there)


def report(
    job: JobName,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; the job's own if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a job's report and write its files again."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.report_job import report_job
        from gateway.job_number import read_job_number

        return report_job(console, job_id=read_job_number(job), out=out, as_json=as_json)

    end_on_database(
        work, instead=f"`apportion continue {job} --out DIR` writes its files, its dashboard shows the rest"
    )


def cancel(job: JobName, as_json: AsJson = False) -> None:
    """Give up a job: what runs is finished and paid for, everything else ends as cancelled."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.control_job import cancel_job
        from gateway.job_number import read_job_number

        return cancel_job(console, job_id=read_job_number(job), as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.jobs import cancel_there

        return cancel_there(console, server, batch_id=job, as_json=as_json)

    end_at(database=here, server=there)


def pause(job: JobName, as_json: AsJson = False) -> None:
    """Start nothing new of a job; what runs is finished."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.control_job import pause_job
        from gateway.job_number import read_job_number

        return pause_job(console, job_id=read_job_number(job), as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.jobs import pause_there

        return pause_there(console, server, batch_id=job, as_json=as_json)

    end_at(database=here, server=there)


def unpause(job: JobName, as_json: AsJson = False) -> None:
    """Let a paused job go on."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.control_job import unpause_job
        from gateway.job_number import read_job_number

        return unpause_job(console, job_id=read_job_number(job), as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.jobs import unpause_there

        return unpause_there(console, server, batch_id=job, as_json=as_json)

    end_at(database=here, server=there)
