"""`apportion train`: predictors fitted to the outcomes in the database."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.commands.working import working
from gateway.exit_codes import ExitCode
from gateway.report.amounts import UNKNOWN, say_share
from worker.bootstrap import open_workshop
from worker.progress import Progress, Stage
from worker.settings import read_settings
from worker.training_job import Trained, train_predictors


def train_strategies(console: Console, *, strategy_file: Path) -> ExitCode:
    """Train every strategy of the file that has new graded outcomes."""
    with (
        working(console) as work,
        open_workshop(read_settings(), strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        trained = train_predictors(
            workshop.database,
            pool=workshop.pool,
            strategy_ids=workshop.strategy_ids,
            encoder=workshop.encoder,
            watch=work.view.show,
        )
        work.view.show(Progress(stage=Stage.TRAINING, done=len(trained), total=len(trained)))
    console.print(_trained_table(trained))
    return ExitCode.DONE


def _trained_table(trained: Sequence[Trained]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    table.add_column("strategy", no_wrap=True)
    for heading in ("outcomes", "right", "log loss", "of a constant"):
        table.add_column(heading, justify="right")
    for row in trained:
        figures = row.figures
        numbers = (
            (say_share(figures.mean_correct), f"{figures.held_out_log_loss:.3f}", f"{figures.constant_log_loss:.3f}")
            if figures
            else (UNKNOWN, UNKNOWN, UNKNOWN)
        )
        table.add_row(row.strategy, f"{row.outcomes:,}", *numbers)
    table.caption = "log loss on outcomes the predictor had not seen; a dash: nothing new to learn from"
    return table
