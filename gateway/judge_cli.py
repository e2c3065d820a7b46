"""The `judge` command: options in, one call, an exit code out."""

from typing import Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.jobs_cli import JobName
from gateway.json_option import AsJson
from gateway.place import OPERATOR, end_on_database
from gateway.strategies_cli import StrategyFile


def judge(
    job: JobName,
    strategies: StrategyFile,
    by: Annotated[str, typer.Option(metavar="STRATEGY", help="The name of the strategy that judges.")],
    budget: Annotated[str, typer.Option(help='What judging may cost: an amount, or "10%" of the job\'s own budget.')],
    as_json: AsJson = False,
) -> None:
    """Let a strategy read the answers that no program can grade; its verdicts are labels, from which `train` learns."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.judge import judge_answers, read_judge
        from gateway.job_number import read_job_number

        judge = read_judge(strategies, strategy=by, budget=budget)
        return judge_answers(
            console, job_id=read_job_number(job), strategy_file=strategies, judge=judge, as_json=as_json
        )

    end_on_database(work, instead=OPERATOR)
