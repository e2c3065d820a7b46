"""Two strategies that are right about sums or about places, recorded and trained; nights in which sums are right."""

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine as Database

from db.predictors import list_predictors
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from db.tasks import NewTask
from router.generation import Completion, GenerationRequest
from router.promotion.gate import ONLY_LOOK, GateReport, GateVerdict
from router.units import Unit
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_pool,
    make_settings,
    predict_flat,
    submit,
)
from worker.calibration import submit_recorded
from worker.gate import Judged
from worker.pool import register_pool
from worker.predictors import LoadedPredictors, load_predictors
from worker.recording import RecordedOutcome, Recording
from worker.task_encoder import TaskEncoder
from worker.training_job import Trained, train_predictors

Right = Callable[[int], bool]  # whether the strategy is right about a task of this number

PLACES = ("river", "mountain", "harbour", "island", "valley", "desert", "forest", "lake")


def is_sum(number: int) -> bool:
    """Even tasks are sums, odd ones are about places."""
    return number % 2 == 0


def is_place(number: int) -> bool:
    return not is_sum(number)


def make_task(number: int) -> NewTask:
    place = PLACES[number % len(PLACES)]
    asked = f"What is {number} plus {number + 7}?" if is_sum(number) else f"Describe {place} number {number} in a poem."
    body = {"model": "auto", "messages": [{"role": "user", "content": asked}]}
    grader = {"kind": "exact", "reference": "yes"}
    line = {"custom_id": f"t-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body, "grader": grader}
    return NewTask(custom_id=f"t-{number}", payload=json.dumps(line))


def take_in(database: Database, *, numbers: range, right: Right) -> None:
    """A recorded calibration of these tasks, in which either strategy is right about the same ones."""
    tasks = [make_task(number) for number in numbers]
    outcomes = [
        RecordedOutcome(
            custom_id=f"t-{number}",
            strategy=name,
            answer="yes",
            texts=["yes"],
            finish_reasons=["stop"],
            prompt_tokens=5,
            output_tokens=4 + number % 3,
            cost=4,
            correct=float(right(number) != (number % 10 == 3)),
        )
        for name in make_pool().names
        for number in numbers
    ]
    digest = f"{numbers}"
    recording = Recording(tasks_sha256=digest, unit=Unit.TOKENS, engines={}, strategy_hashes={}, outcomes=outcomes)
    run_in_transaction(
        database,
        lambda session: submit_recorded(
            session,
            tasks=tasks,
            tasks_sha256=digest,
            pool=make_pool(),
            strategy_ids=register_pool(session, tenant_id="default", pool=make_pool()),
            recording=recording,
        ),
    )


def train(database: Database, encoder: TaskEncoder) -> list[Trained]:
    ids = register(database)
    return train_predictors(database, pool=make_pool(), strategy_ids=ids, encoder=encoder, watch=lambda _: None)


def register(database: Database) -> list[int]:
    return run_in_transaction(database, lambda session: register_pool(session, tenant_id="default", pool=make_pool()))


def states_of(database: Database, strategy: str) -> list[PredictorState]:
    """Of its versions, the newest first."""
    with session_scope(database) as session:
        versions = list_predictors(session, tenant_id="default", limit=20)
    return [version.state for version in versions if version.strategy == strategy]


def load(database: Database, encoder: TaskEncoder) -> LoadedPredictors:
    """What a job would be planned with now."""
    with session_scope(database) as session:
        ids, names = register(database), make_pool().names
        return load_predictors(session, strategy_ids=ids, names=names, encoder=encoder.name)


def answer_sums(request: GenerationRequest) -> Completion:
    return answer_with("yes" if "plus" in request.messages[-1].content else "no", tokens=5)(request)


def serve_sums(database: Database, folder: Path) -> None:
    """A night of 220 tasks for "small", in which only sums are answered right."""
    numbers = range(5000, 5220)
    job_id = submit(
        database,
        predictions=predict_flat(len(numbers), small=(0.9, 5.0), large=(0.5, 20.0)),
        objective=budget(10_000),
        tasks=[make_task(number) for number in numbers],
    )
    assert drive(database, job_id, [FakeEngine(answer_sums)], make_settings(folder, batch_tasks=16))


def judged(verdict: GateVerdict, *, has_grown: bool = False, champion_labels: int = 1000) -> Judged:
    """A challenger beside a champion of so many labels, of which nothing but this is known."""
    report = GateReport(verdict=verdict, findings=(), outcomes=500, look=ONLY_LOOK, challenger=None, comparisons={})
    return Judged(
        report=report,
        promised=(),
        challenger_curve=(),
        champion_curve=(),
        has_grown=has_grown,
        champion_labels=champion_labels,
    )
