"""The command line: options in, one call a command, an exit code out."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.budgets_cli import budgets_app
from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.feedback_cli import feedback
from gateway.json_option import AsJson
from gateway.judge_cli import judge
from gateway.keys_cli import keys_app
from gateway.plan_cli import plan
from gateway.predictors_cli import predictors_app
from gateway.strategies_cli import StrategyFile, strategies_app
from gateway.strategy_life_cli import LIFE_COMMANDS
from gateway.submit_cli import run, submit
from gateway.train_cli import train

# Commands import what they need when they run: `--help` should not wait for torch.
app = typer.Typer(
    help="Answers a pile of prompts as accurately as a fixed budget allows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in LIFE_COMMANDS:
    strategies_app.command()(_command)
app.add_typer(strategies_app, name="strategies")
app.add_typer(budgets_app, name="budgets")
app.add_typer(keys_app, name="keys")
app.add_typer(predictors_app, name="predictors")
app.command()(run)
app.command()(submit)
app.command()(plan)
app.command()(feedback)
app.command()(judge)
app.command()(train)

JobNumber = Annotated[int, typer.Argument(metavar="JOB", help="The job's number.")]


@app.command("continue")
def continue_(
    job: JobNumber,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; the job's own if not given.")] = None,
) -> None:
    """Go on with a job that stopped: what was answered stays, and nothing is answered twice.

    What a crash or a second Ctrl-C broke off is charged at its worst case and asked again.
    Under a tight budget some tasks may then end as budget_exhausted. A first Ctrl-C breaks nothing off.
    """

    def work(console: Console) -> ExitCode:
        from gateway.commands.continue_job import continue_job

        return continue_job(console, job_id=job, out=out)

    end(work)


@app.command()
def pause(job: JobNumber) -> None:
    """Start nothing new of a job; what runs is finished."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.control_job import pause_job

        return pause_job(console, job_id=job)

    end(work)


@app.command()
def unpause(job: JobNumber) -> None:
    """Let a paused job go on."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.control_job import unpause_job

        return unpause_job(console, job_id=job)

    end(work)


@app.command()
def cancel(job: JobNumber) -> None:
    """Give up a job: what runs is finished and paid for, everything else ends as cancelled."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.control_job import cancel_job

        return cancel_job(console, job_id=job)

    end(work)


@app.command()
def calibrate(
    task_file: Annotated[Path, typer.Argument(metavar="FILE", help="Graded tasks in the job file format.")],
    strategies: StrategyFile,
    recording: Annotated[Path | None, typer.Option(help="Recorded answers, used where they fit.")] = None,
) -> None:
    """Let every strategy answer a graded file, so that `train` can learn what each is good at."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.calibrate import calibrate_strategies

        return calibrate_strategies(console, task_file=task_file, strategy_file=strategies, recording_file=recording)

    end(work)


@app.command()
def probe(  # noqa: PLR0917 - typer passes every option by name
    job_file: Annotated[
        Path, typer.Argument(metavar="JOBFILE", help="Tasks in the job file format; graded ones count.")
    ],
    strategies: StrategyFile,
    strategy: Annotated[str, typer.Option(help="The name of the strategy to ask.")],
    probes: Annotated[int, typer.Option(min=1, help="How many tasks to ask.")] = 200,
    adaptive: Annotated[
        bool, typer.Option("--adaptive", help="Choose half of them by what the others say of its ability.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed chooses other tasks.")] = 0,
) -> None:
    """Ask a new strategy some tasks that stand for all, so that it joins the pool without a calibration."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.probe import Asked, probe_strategy

        asked = Asked(strategy=strategy, probes=probes, adaptive=adaptive, seed=seed)
        return probe_strategy(console, job_file=job_file, strategy_file=strategies, asked=asked)

    end(work)


@app.command()
def status(
    job: Annotated[int | None, typer.Argument(metavar="[JOB]", help="The job's number.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a job is, or list the latest jobs."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.show_status import show_status

        return show_status(console, job_id=job, as_json=as_json)

    end(work)


@app.command()
def report(
    job: JobNumber,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; the job's own if not given.")] = None,
) -> None:
    """Print a job's report and write its files again."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.report_job import report_job

        return report_job(console, job_id=job, out=out)

    end(work)


@app.command()
def doctor(
    strategies: Annotated[
        Path | None, typer.Option(help="Look for the models and servers of this strategy file too.")
    ] = None,
    of_worker: Annotated[
        bool, typer.Option("--worker", help="Look only whether a worker of this machine is at work: for health checks.")
    ] = False,
) -> None:
    """Look at disks, engines, servers, broker, workers, budgets and the database's books."""

    def work(console: Console) -> ExitCode:
        if of_worker:
            from gateway.commands.doctor_worker import examine_worker

            return examine_worker(console)
        from gateway.commands.doctor import examine

        return examine(console, strategy_file=strategies)

    end(work)


@app.command()
def serve(
    strategies: StrategyFile,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen at.")] = 8080,
) -> None:
    """Serve the HTTP API: OpenAI's Files and Batches, with a budget."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.serve import serve as serve_api

        return serve_api(console, strategy_file=strategies, host=host, port=port)

    end(work)


def main() -> None:
    """Entry point of the `apportion` script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # answers may hold what a terminal's encoding does not
    app()
