"""`apportion train`: predictors fitted to the outcomes in the database."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from db.states import PredictorState
from gateway.commands.figures_table import draw_figures
from gateway.commands.working import Working, working
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console, tell
from worker.bootstrap import Workshop, open_workshop
from worker.lesson import Lesson
from worker.progress import Progress, Stage
from worker.queues import TRAINER
from worker.settings import read_settings
from worker.training_due import LEAST_CHANGED
from worker.training_here import train_here
from worker.training_job import Handover, Trained
from worker.training_wait import ask_trainer, has_trainer

STAND_BY = {
    PredictorState.CANDIDATE: "its new predictor passed the gate and waits for a trial",
    PredictorState.HELD: "its new predictor is held: nothing shows that it is better than the one that serves",
    PredictorState.REJECTED: "its new predictor is rejected: it is worse than the one that serves",
}


def train_strategies(console: Console, *, strategy_file: Path, lesson: Lesson, as_json: bool) -> ExitCode:
    """Train every strategy of the file that the lesson takes on."""
    settings = read_settings()
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        trained = _train(workshop, work, lesson)
        if trained is None:
            words = "the trainer goes on without this command; the same command shows what it has learnt"
            tell(console, words, {"completed": False}, as_json=as_json)
            return ExitCode.DRAINED
        work.view.show(Progress(stage=Stage.TRAINING, done=len(trained), total=len(trained)))
    table = draw_figures(
        ((row.strategy, row.outcomes, row.figures) for row in trained),
        caption="log loss on outcomes the predictor had not seen; a dash: nothing new to learn from",
    )
    value = {"completed": True, "trained": [_list_fields(row) for row in trained]}
    tell(console, Group(table, *(Text(line) for row in trained for line in _describe(row))), value, as_json=as_json)
    return ExitCode.DONE


def _describe(row: Trained) -> Iterator[str]:
    """What is to be said of it beside its figures."""
    if row.handover is not None:
        yield describe_handover(row.strategy, row.handover)
    if row.state in STAND_BY:
        yield f"{row.strategy}: {STAND_BY[row.state]}; `apportion predictors list` and `show` say more"
    if row.few_since_change is not None:
        yield (
            f"{row.strategy}: held: an alarm says that it answers otherwise than before, and {row.few_since_change} "
            f"labelled answers since then are too few to learn from ({LEAST_CHANGED}); its predictor stays, corrected"
        )


def _list_fields(row: Trained) -> dict[str, Any]:
    handover = row.handover
    return {
        "strategy": row.strategy,
        "outcomes": row.outcomes,
        "state": row.state,
        "few_since_change": row.few_since_change,
        "figures": None if row.figures is None else asdict(row.figures),
        "takes_over": None if handover is None else handover.is_done,
        "cold_start": None if handover is None else asdict(handover.cold),
    }


def _train(workshop: Workshop, work: Working, lesson: Lesson) -> list[Trained] | None:
    """By a trainer, where one is at work; None when it is no longer waited for."""
    if has_trainer(workshop):
        return ask_trainer(workshop, lesson=lesson, draining=work.draining, tell=work.view.note)
    if workshop.settings.has_workers:
        work.view.note(f"no worker serves the queue {TRAINER}: training here")
    return train_here(workshop, lesson=lesson)


def describe_handover(strategy: str, handover: Handover) -> str:
    """Which of a strategy's two predictors serves, and why."""
    own, cold = (f"{figures.held_out_log_loss:.4f}" for figures in (handover.own, handover.cold))
    if handover.is_done:
        return f"{strategy}: its own predictor takes over, log loss {own} against {cold} of its cold start"
    return f"{strategy}: its cold start serves on, log loss {cold} against {own} of its own predictor"
