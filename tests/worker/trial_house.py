"""Trials of a challenger for the large one of two strategies: nights in which it is chosen by lot."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine as Database

from db.session import session_scope
from db.trials import Trial, read_trial
from router.generation import Completion, GenerationRequest
from router.units import Unit
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    answer_with,
    drive,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker.challengers import Tried
from worker.objective import Mode, Objective

LARGE = 1  # column of the strategy that has a challenger
WEIGHT = Objective(mode=Mode.WEIGHT, unit=Unit.TOKENS, stated="0.9", w=0.9, reference_cost=400.0)


def answer_by(right: Mapping[str, float]) -> FakeEngine:
    """An engine whose strategies are right for so many of the tasks."""
    share = {most: right[name] for name, most in MAX_TOKENS.items()}

    def answer(request: GenerationRequest) -> Completion:
        number = int(request.messages[-1].content.removeprefix("task-"))
        is_right = (number * 0.618034) % 1 < share[request.max_tokens]
        return answer_with("yes" if is_right else "no", tokens=5)(request)

    return FakeEngine(answer)


def run_night(database: Database, folder: Path, *, trial: Trial, tasks: int, right: Mapping[str, float]) -> int:
    """The id of a job whose champions choose the small strategy for every task, and whose challengers the large one."""
    predictions = predict_flat(tasks, small=(0.6, 5.0), large=(0.5, 20.0))
    better = predict_flat(tasks, small=(0.6, 5.0), large=(0.9, 20.0))
    tried = Tried(
        trial_id=trial.id,
        columns=(LARGE,),
        predictions=type(better)(
            accuracy=better.accuracy[:, [LARGE]],
            cost=better.cost[:, [LARGE]],
            worst_cost=better.worst_cost[:, [LARGE]],
            prompt_tokens=better.prompt_tokens[:, [LARGE]],
        ),
    )
    job_id = submit(database, predictions=predictions, objective=WEIGHT, tasks=make_tasks(tasks), tried=tried)
    settings = make_settings(folder, window_tasks=50, batch_tasks=16)
    assert drive(database, job_id, [answer_by(right)], settings)
    return job_id


def reread(database: Database, trial: Trial) -> Trial:
    with session_scope(database) as session:
        return read_trial(session, trial_id=trial.id)
