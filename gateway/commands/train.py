"""`apportion train`: predictors fitted to the outcomes in the database."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from gateway.commands.figures_table import draw_figures
from gateway.commands.working import working
from gateway.exit_codes import ExitCode
from worker.bootstrap import open_workshop
from worker.progress import Progress, Stage
from worker.settings import read_settings
from worker.training_job import Handover, train_predictors


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
    console.print(
        draw_figures(
            ((row.strategy, row.outcomes, row.figures) for row in trained),
            caption="log loss on outcomes the predictor had not seen; a dash: nothing new to learn from",
        )
    )
    for row in trained:
        if row.handover is not None:
            console.print(Text(describe_handover(row.strategy, row.handover)))
    return ExitCode.DONE


def describe_handover(strategy: str, handover: Handover) -> str:
    """Which of a strategy's two predictors serves, and why."""
    own, cold = (f"{figures.held_out_log_loss:.4f}" for figures in (handover.own, handover.cold))
    if handover.is_done:
        return f"{strategy}: its own predictor takes over, log loss {own} against {cold} of its cold start"
    return f"{strategy}: its cold start serves on, log loss {cold} against {own} of its own predictor"
