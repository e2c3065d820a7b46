"""A training in the command that asks for it; what others had asked for by then is done with it."""

from collections.abc import Sequence
from functools import partial

from db.session import run_in_transaction
from db.states import TrainingScope
from db.training_requests import finish_requests, list_open_requests
from worker.bootstrap import Workshop
from worker.lesson import Lesson
from worker.training_job import Trained, train_predictors

# What a training of each scope has done of what others ask for.
DOES: dict[TrainingScope, Sequence[TrainingScope]] = {
    TrainingScope.ENOUGH: (TrainingScope.ENOUGH,),
    TrainingScope.NEWS: (TrainingScope.ENOUGH, TrainingScope.NEWS),
    TrainingScope.ALL: tuple(TrainingScope),
}


def train_here(workshop: Workshop, *, lesson: Lesson) -> list[Trained]:
    """As `train_predictors`, with the workshop's strategies; a training of the past does nobody's request."""
    asked: Sequence[int] = ()
    if lesson.cutoff is None:
        list_asked = partial(list_open_requests, scopes=DOES[lesson.scope])
        asked = run_in_transaction(workshop.database, list_asked)
    trained = train_predictors(
        workshop.database,
        pool=workshop.pool,
        strategy_ids=workshop.strategy_ids,
        encoder=workshop.encoder,
        watch=workshop.watch,
        lesson=lesson,
    )
    run_in_transaction(workshop.database, partial(finish_requests, request_ids=asked))
    return trained
