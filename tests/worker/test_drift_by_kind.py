"""What a strategy did in one job corrects it for tasks of that kind, and hardly for others."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from db.jobs import read_job, read_outlines
from db.predictors import store_champion
from db.session import run_in_transaction, session_scope
from db.settled_rows import hold_cursors
from db.tasks import NewTask
from router.drift.outline import LEAST_TASKS, outline_tasks, write_outline
from router.generation import Completion, GenerationRequest
from router.units import Amount, Unit
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_pool,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from tests.worker.test_forecast import make_stack
from worker.continuation import find_latest
from worker.drift_sweep import follow_settlements
from worker.foresight import foresee
from worker.job_predictions import JobPredictions
from worker.job_standing import read_standing
from worker.known_drift import read_known_drift
from worker.objective import Request
from worker.pool import register_pool
from worker.predictors import LoadedPredictors
from worker.shared_budgets import raise_cap
from worker.submission import RunPlan, plan_run
from worker.task_encoder import EncodeProgress, TaskEncoder
from worker.task_line import parse_task_line

CENTRES = {"sums": [1.0, 0.0, 0.0, 0.0], "poems": [0.0, 1.0, 0.0, 0.0]}


class Kinds(TaskEncoder):
    """Puts a text near the centre of the kind that its first word names."""

    def __init__(self) -> None:
        self.name = "none"

    def encode(self, texts: Sequence[str], *, progress: EncodeProgress | None = None) -> NDArray[np.float32]:
        centres = np.array([CENTRES[text.split()[0]] for text in texts])
        return (centres + np.random.default_rng(len(texts)).normal(0, 0.3, centres.shape)).astype(np.float32)


@pytest.fixture
def version_ids(db_engine: Database) -> list[int]:
    """Predictor versions of the two strategies; settlements are watched from here on."""

    def store(session: object) -> list[int]:
        hold_cursors(session)  # type: ignore[arg-type]  # see run_in_transaction
        return [
            store_champion(session, strategy_id=own, encoder="none", artefact=b"", meta={})  # type: ignore[arg-type]  # as above
            for own in register_pool(session, tenant_id="default", pool=make_pool())  # type: ignore[arg-type]  # as above
        ]

    return run_in_transaction(db_engine, store)


def make_kind(kind: str, tasks: int) -> list[NewTask]:
    return make_tasks(tasks, body=lambda number: {"messages": [{"role": "user", "content": f"{kind} {number}"}]})


def load(database: Database, version_ids: list[int]) -> LoadedPredictors:
    """Predictors that expect half of all answers to be right, with what is known of these versions."""
    with session_scope(database) as session:
        strategy_ids = register_pool(session, tenant_id="default", pool=make_pool())
        return LoadedPredictors(
            stack=make_stack({"small": 5.0, "large": 20.0}),
            version_ids=tuple(version_ids),
            meta=({}, {}),
            standing=read_standing(session, strategy_ids=strategy_ids, version_ids=version_ids),
            drift=read_known_drift(session, version_ids=version_ids),
        )


def plan(database: Database, kind: str, tasks: int, *, version_ids: list[int]) -> RunPlan:
    return plan_run(
        make_kind(kind, tasks),
        request=Request(stated="target .4", target_accuracy=0.4),
        pool=make_pool(),
        predictors=load(database, version_ids),
        encoder=Kinds(),
        watch=lambda _: None,
    )


def run_night(database: Database, folder: Path, kind: str, *, tasks: int, version_ids: list[int]) -> int:
    """A night in which the large strategy, which is predicted to be right four times in five, never is."""

    def answer(request: GenerationRequest) -> Completion:
        large = request.max_tokens == MAX_TOKENS["large"]
        return answer_with("no" if large else "yes", tokens=20 if large else 5)(request)

    job_id = submit(
        database,
        predictions=predict_flat(tasks, small=(0.6, 5.0), large=(0.8, 20.0)),
        objective=budget(13 * tasks),
        version_ids=version_ids,
        tasks=make_kind(kind, tasks),
        outline=plan(database, kind, tasks, version_ids=version_ids).outline,
    )
    assert drive(database, job_id, [FakeEngine(answer)], make_settings(folder, window_tasks=40))
    run_in_transaction(database, lambda session: follow_settlements(session, young_seconds=0))
    return job_id


def find_offset(database: Database, kind: str, tasks: int, *, version_ids: list[int]) -> float:
    """By which a job of such tasks has the large strategy corrected when it is opened."""
    job_id = submit(
        database,
        predictions=predict_flat(tasks, small=(0.6, 5.0), large=(0.8, 20.0)),
        objective=budget(13 * tasks),
        version_ids=version_ids,
        tasks=make_kind(kind, tasks),
        outline=plan(database, kind, tasks, version_ids=version_ids).outline,
    )
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    return JobPredictions(database, job=job).standing.corrections[1].log_odds_offset


def test_the_next_job_of_the_kind_knows_and_one_of_another_kind_hardly(
    db_engine: Database, tmp_path: Path, version_ids: list[int]
) -> None:
    run_night(db_engine, tmp_path, "sums", tasks=200, version_ids=version_ids)
    assert find_offset(db_engine, "sums", 200, version_ids=version_ids) < -2.0
    assert find_offset(db_engine, "poems", 200, version_ids=version_ids) > -0.6
    few = find_offset(db_engine, "poems", LEAST_TASKS - 1, version_ids=version_ids)
    assert few < -2.0  # of what kind they are is not known: all that was seen counts


def test_a_plan_expects_what_was_seen_of_its_kind(db_engine: Database, tmp_path: Path, version_ids: list[int]) -> None:
    run_night(db_engine, tmp_path, "sums", tasks=200, version_ids=version_ids)
    known = load(db_engine, version_ids)
    sums, poems = (
        foresee(
            [parse_task_line(task.payload) for task in make_kind(kind, 100)],
            unit=Unit.TOKENS,
            pool=make_pool(),
            predictors=known,
            encoder=Kinds(),
            watch=lambda _: None,
        ).expected.accuracy[:, 1]
        for kind in CENTRES
    )
    assert sums.max() < 0.2
    assert poems.min() > 0.4


def test_a_running_job_is_priced_anew_only_where_it_is_worth_it(
    db_engine: Database, tmp_path: Path, version_ids: list[int]
) -> None:
    job_id = run_night(db_engine, tmp_path, "sums", tasks=60, version_ids=version_ids)
    with session_scope(db_engine) as session:
        opened = JobPredictions(db_engine, job=read_job(session, job_id=job_id))
    assert opened.are_current()
    run_night(db_engine, tmp_path, "poems", tasks=60, version_ids=version_ids)
    assert opened.are_current()
    run_night(db_engine, tmp_path, "sums", tasks=200, version_ids=version_ids)
    assert not opened.are_current()


def test_a_continuation_is_of_its_jobs_kind(db_engine: Database, tmp_path: Path) -> None:
    known = outline_tasks(Kinds().encode(["sums"] * 30))
    assert known is not None
    outline = write_outline(known)
    flat = predict_flat(30, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(db_engine, predictions=flat, objective=budget(200), outline=outline)
    assert drive(db_engine, job_id, [FakeEngine(answer_with("yes", tokens=10))], make_settings(tmp_path))
    raise_cap(db_engine, named=str(job_id), amount=Amount(unit=Unit.TOKENS, quanta=100))
    later = find_latest(db_engine, job_id=job_id)
    assert later.continues_job_id == job_id
    with session_scope(db_engine) as session:
        stored = read_outlines(session, job_ids=[job_id, later.id])
    assert stored == {job_id: outline, later.id: outline}
