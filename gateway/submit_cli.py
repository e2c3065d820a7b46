"""The commands that submit a job."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.job_options import (
    BudgetOption,
    Deadline,
    ExplorationOption,
    Priority,
    SecondChancesOption,
    SharedOption,
    TargetOption,
    WeightOption,
)
from gateway.strategies_cli import StrategyFile

JobFile = Annotated[Path, typer.Argument(metavar="JOBFILE", help="JSONL file in the OpenAI batch format.")]


def run(  # noqa: PLR0917 - typer passes every option by name
    job_file: JobFile,
    strategies: StrategyFile,
    out: Annotated[Path, typer.Option(help="Folder for results, errors, decisions and the report.")],
    budget: BudgetOption = None,
    weight: WeightOption = None,
    target_accuracy: TargetOption = None,
    shared_budget: SharedOption = None,
    exploration: ExplorationOption = None,
    second_chances: SecondChancesOption = False,
    priority: Priority = 0,
    deadline: Deadline = None,
    judge_by: Annotated[
        str | None, typer.Option("--judge", metavar="STRATEGY", help="Who reads the answers that wait for a judge.")
    ] = None,
    judge_budget: Annotated[
        str, typer.Option(help="What judging may cost beside the budget: an amount, or a part of the budget.")
    ] = "10%",
) -> None:
    """Answer a job file within a budget; exactly one of --budget, --weight, --target-accuracy, --shared-budget."""

    def work(console: Console) -> ExitCode:
        from gateway.request import read_precedence, read_request

        request = read_request(
            budget=budget,
            weight=weight,
            target_accuracy=target_accuracy,
            shared_budget=shared_budget,
            exploration=exploration,
            second_chances=second_chances,
        )
        precedence = read_precedence(priority=priority, deadline=deadline)
        from gateway.commands.judge import read_judge
        from gateway.commands.run import run_job_file

        return run_job_file(
            console,
            job_file=job_file,
            strategy_file=strategies,
            request=request,
            precedence=precedence,
            out=out,
            judge=None if judge_by is None else read_judge(strategies, strategy=judge_by, budget=judge_budget),
        )

    end(work)


def submit(  # noqa: PLR0917 - typer passes every option by name
    job_file: JobFile,
    strategies: StrategyFile,
    budget: BudgetOption = None,
    weight: WeightOption = None,
    target_accuracy: TargetOption = None,
    shared_budget: SharedOption = None,
    exploration: ExplorationOption = None,
    second_chances: SecondChancesOption = False,
    priority: Priority = 0,
    deadline: Deadline = None,
) -> None:
    """Plan and store a job file as `run` does, and leave the answering to workers, or to `continue`."""

    def work(console: Console) -> ExitCode:
        from gateway.request import read_precedence, read_request

        request = read_request(
            budget=budget,
            weight=weight,
            target_accuracy=target_accuracy,
            shared_budget=shared_budget,
            exploration=exploration,
            second_chances=second_chances,
        )
        precedence = read_precedence(priority=priority, deadline=deadline)
        from gateway.commands.submit import submit_job_file

        return submit_job_file(
            console, job_file=job_file, strategy_file=strategies, request=request, precedence=precedence
        )

    end(work)
