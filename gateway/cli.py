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
from gateway.jobs_cli import cancel, continue_, pause, report, results, run, status, submit, unpause
from gateway.json_option import AsJson
from gateway.judge_cli import judge
from gateway.keys_cli import keys_app
from gateway.place import OPERATOR, end_on_database
from gateway.plan_cli import plan
from gateway.predictors_cli import predictors_app
from gateway.strategies_cli import StrategyFile, strategies_app
from gateway.strategy_life_cli import LIFE_COMMANDS
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
for command in (run, plan, submit, status, results, report, cancel, pause, unpause):
    app.command()(command)
app.command("continue")(continue_)
app.command()(feedback)
app.command()(judge)
app.command()(train)


@app.command()
def calibrate(
    task_file: Annotated[Path, typer.Argument(metavar="FILE", help="Graded tasks in the job file format.")],
    strategies: StrategyFile,
    recording: Annotated[Path | None, typer.Option(help="Recorded answers, used where they fit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let every strategy answer a graded file, so that `train` can learn what each is good at."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.calibrate import calibrate_strategies

        return calibrate_strategies(
            console, task_file=task_file, strategy_file=strategies, recording_file=recording, as_json=as_json
        )

    end_on_database(work, instead=OPERATOR)


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
    as_json: AsJson = False,
) -> None:
    """Ask a new strategy some tasks that stand for all, so that it joins the pool without a calibration."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.probe import Asked, probe_strategy

        asked = Asked(strategy=strategy, probes=probes, adaptive=adaptive, seed=seed)
        return probe_strategy(console, job_file=job_file, strategy_file=strategies, asked=asked, as_json=as_json)

    end_on_database(work, instead=OPERATOR)


@app.command()
def doctor(
    strategies: Annotated[
        Path | None, typer.Option(help="Look for the models and servers of this strategy file too.")
    ] = None,
    of_worker: Annotated[
        bool, typer.Option("--worker", help="Look only whether a worker of this machine is at work: for health checks.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at disks, engines, servers, broker, workers, budgets and the database's books."""

    def work(console: Console) -> ExitCode:
        if of_worker:
            from gateway.commands.doctor_worker import examine_worker

            return examine_worker(console, as_json=as_json)
        from gateway.commands.doctor import examine

        return examine(console, strategy_file=strategies, as_json=as_json)

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


@app.command("worker")
def work_(
    roles: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROLE]...", help="router, reconciler, trainer, engine.NAME; all of them if none."),
    ] = None,
    strategies: Annotated[
        Path | None, typer.Option(help="The file of its engines and trainer; without one it routes and reconciles.")
    ] = None,
) -> None:
    """Work on the jobs of others, as one of the workers behind a broker, until it is asked to end."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.work import become_worker

        return become_worker(console, roles=roles or [], strategy_file=strategies)

    end(work)


def main() -> None:
    """Entry point of the `apportion` script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # answers may hold what a terminal's encoding does not
    app()
