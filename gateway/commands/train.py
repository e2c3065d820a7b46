"""`apportion train`: predictors fitted to the outcomes in the database."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from db.states import PredictorState
from gateway.commands.figures_table import draw_figures
from gateway.commands.working import Working, working
from gateway.exit_codes import ExitCode
from worker.bootstrap import Workshop, open_workshop
from worker.lesson import Lesson
from worker.progress import Progress, Stage
from worker.queues import TRAINER
from worker.settings import read_settings
from worker.training_job import Handover, Trained, train_predictors
from worker.training_wait import ask_trainer, has_trainer

STAND_BY = {
    PredictorState.CANDIDATE: "its new predictor passed the gate and waits for a trial",
    PredictorState.HELD: "its new predictor is held: nothing shows that it is better than the one that serves",
    PredictorState.REJECTED: "its new predictor is rejected: it is worse than the one that serves",
}


def train_strategies(console: Console, *, strategy_file: Path, lesson: Lesson) -> ExitCode:
    """Train every strategy of the file that the lesson takes on."""
    settings = read_settings()
    with (
        working(console, settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        trained = _train(workshop, work, lesson)
        if trained is None:
            console.print(Text("the trainer goes on without this command; the same command shows what it has learnt"))
            return ExitCode.DRAINED
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
        if row.state in STAND_BY:
            console.print(
                Text(f"{row.strategy}: {STAND_BY[row.state]}; `apportion predictors list` and `show` say more")
            )
    return ExitCode.DONE


def _train(workshop: Workshop, work: Working, lesson: Lesson) -> list[Trained] | None:
    """By a trainer, where one is at work; None when it is no longer waited for."""
    if has_trainer(workshop):
        return ask_trainer(workshop, lesson=lesson, draining=work.draining, tell=work.view.note)
    if workshop.settings.has_workers:
        work.view.note(f"no worker serves the queue {TRAINER}: training here")
    return train_predictors(
        workshop.database,
        pool=workshop.pool,
        strategy_ids=workshop.strategy_ids,
        encoder=workshop.encoder,
        watch=workshop.watch,
        lesson=lesson,
    )


def describe_handover(strategy: str, handover: Handover) -> str:
    """Which of a strategy's two predictors serves, and why."""
    own, cold = (f"{figures.held_out_log_loss:.4f}" for figures in (handover.own, handover.cold))
    if handover.is_done:
        return f"{strategy}: its own predictor takes over, log loss {own} against {cold} of its cold start"
    return f"{strategy}: its cold start serves on, log loss {cold} against {own} of its own predictor"
