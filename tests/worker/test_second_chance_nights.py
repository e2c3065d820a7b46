"""Nights with second chances: an invalid answer is asked once more where that is worth it, and never lost."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import update

from db.attempts import list_attempts
from db.budgets import read_budget
from db.jobs import read_job
from db.kept_answers import list_kept
from db.predictions import Predictions
from db.progress import read_progress
from db.results import TaskOutcome, iterate_results
from db.session import session_scope
from db.states import JobState
from db.tables import JobRow
from db.tasks import NewTask
from router.failure_shift import learn_shifts
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import (
    MAX_TOKENS,
    Answering,
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker import budget_backlog
from worker.objective import Mode, Objective
from worker.second_chance_terms import SecondChanceTerms

TASKS = 40
TERMS = SecondChanceTerms(shifts=learn_shifts({}, strategies=2), learnt_from=0)
SMALL_IS_BEST = {"small": (0.6, 5.0), "large": (0.6, 20.0)}
AMPLE = TASKS * 50


def with_chances(objective: Objective) -> Objective:
    return replace(objective, second_chances=TERMS)


def night(
    database: Database,
    tmp_path: Path,
    *,
    answer: Answering,
    objective: Objective,
    predictions: Predictions | None = None,
    tasks: list[NewTask] | None = None,
) -> tuple[int, FakeEngine]:
    """A job brought to its end."""
    own = predict_flat(TASKS, **SMALL_IS_BEST) if predictions is None else predictions
    job_id = submit(database, predictions=own, objective=objective, tasks=tasks)
    engine = FakeEngine(answer)
    assert drive(database, job_id, [engine], make_settings(tmp_path))
    return job_id, engine


def is_small(request: GenerationRequest) -> bool:
    return request.max_tokens == MAX_TOKENS["small"]


def number_of(request: GenerationRequest) -> int:
    return int(request.messages[-1].content.removeprefix("task-"))


def fail_small(fails: Callable[[int], bool] = lambda _: True, *, large: str = "yes") -> Answering:
    """The small strategy writes nothing for these tasks, and is right about the others."""

    def answer(request: GenerationRequest) -> Completion:
        if not is_small(request):
            return answer_with(large, tokens=20)(request)
        return answer_with("" if fails(number_of(request)) else "yes", tokens=5)(request)

    return answer


def outcomes_of(database: Database, job_id: int) -> list[TaskOutcome]:
    with session_scope(database) as session:
        found = [result.outcome for result in iterate_results(session, job_id=job_id)]
    assert None not in found
    return [outcome for outcome in found if outcome is not None]


def answers_of(database: Database, job_id: int) -> list[str]:
    return [outcome.answer for outcome in outcomes_of(database, job_id)]


def count_kept(database: Database, job_id: int) -> int:
    with session_scope(database) as session:
        return len(list_kept(session, job_id=job_id, seqs=range(TASKS)))


def spent_by(database: Database, job_id: int) -> int:
    with session_scope(database) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id).spent


def test_without_them_every_task_is_asked_once(db_engine: Database, tmp_path: Path) -> None:
    job_id, engine = night(db_engine, tmp_path, answer=fail_small(), objective=budget(TASKS * 5 + 50))
    assert max(Counter(engine.asked).values()) == 1
    assert "" in answers_of(db_engine, job_id)
    assert count_kept(db_engine, job_id) == 0


@pytest.mark.parametrize("joint_tasks", [10_000, 0])
def test_invalid_answers_are_asked_once_more(
    db_engine: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joint_tasks: int
) -> None:
    """Both ways of pricing a window: with all the rest, and by its sketch."""
    monkeypatch.setattr(budget_backlog, "JOINT_TASKS", joint_tasks)
    answer = fail_small(lambda number: number % 4 == 0)
    objective = with_chances(budget(AMPLE))
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id, engine = night(db_engine, tmp_path, answer=answer, objective=objective, predictions=predictions)
    assert answers_of(db_engine, job_id) == ["yes"] * TASKS
    assert Counter(Counter(engine.asked).values()) == {1: TASKS * 3 // 4, 2: TASKS // 4}
    assert spent_by(db_engine, job_id) == TASKS * 5 + TASKS // 4 * 20
    chances = [outcome.propensity for outcome in outcomes_of(db_engine, job_id)]
    assert chances == [None if seq % 4 == 0 else 1.0 for seq in range(TASKS)]


def test_where_both_fail_the_first_answer_is_final(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id, engine = night(
        db_engine,
        tmp_path,
        answer=fail_small(large=""),
        objective=with_chances(budget(AMPLE)),
        predictions=predictions,
    )
    assert max(Counter(engine.asked).values()) == 2
    first = read_job_strategies(db_engine, job_id)[0]
    assert {(outcome.strategy_id, outcome.cost) for outcome in outcomes_of(db_engine, job_id)} == {(first, 5)}
    with session_scope(db_engine) as session:
        (attempt,) = list_attempts(session, job_id=job_id, seq=0)
    assert (attempt.error_code, attempt.cost) == ("second_answer_invalid", 20)
    assert "no_answer" in attempt.error_message


def read_job_strategies(database: Database, job_id: int) -> list[int]:
    with session_scope(database) as session:
        return list(read_job(session, job_id=job_id).strategy_ids)


@pytest.mark.parametrize(
    ("large", "objective"),
    [
        ((0.01, 6.0), budget(AMPLE)),  # hopeless, with money left over
        ((0.5, 20.0), Objective(mode=Mode.WEIGHT, unit=budget(1).unit, stated="", w=0.2, reference_cost=5.0)),
    ],
)
def test_money_is_not_thrown_after_what_is_not_worth_it(
    db_engine: Database, tmp_path: Path, large: tuple[float, float], objective: Objective
) -> None:
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=large)
    job_id, engine = night(
        db_engine, tmp_path, answer=fail_small(), objective=with_chances(objective), predictions=predictions
    )
    assert max(Counter(engine.asked).values()) == 1
    assert count_kept(db_engine, job_id) == TASKS
    assert answers_of(db_engine, job_id) == [""] * TASKS


@pytest.mark.parametrize("spare", [0, 39, 60, 200])
def test_a_tight_cap_holds_and_no_answer_is_lost(db_engine: Database, tmp_path: Path, spare: int) -> None:
    """Every task is promised its first answer; second ones are had as far as the money reaches."""
    cap = TASKS * MAX_TOKENS["small"] + spare
    predictions = predict_flat(TASKS, small=(0.6, 10.0), large=(0.55, 20.0))
    answer = fail_small()

    def at_worst(request: GenerationRequest) -> Completion:
        return replace_tokens(answer(request), request.max_tokens)

    job_id, _ = night(
        db_engine, tmp_path, answer=at_worst, objective=with_chances(budget(cap)), predictions=predictions
    )
    assert spent_by(db_engine, job_id) <= cap
    assert answers_of(db_engine, job_id).count("yes") == spare // MAX_TOKENS["large"]


def replace_tokens(completion: Completion, tokens: int) -> Completion:
    return msgspec.structs.replace(completion, output_tokens=tokens)


def test_a_check_of_the_task_counts_and_a_reference_does_not(db_engine: Database, tmp_path: Path) -> None:
    """Both answers of the small strategy are wrong; only one can be told without knowing what is right."""
    checked = {"kind": "properties", "reference": {"must_contain": ["yes"]}}
    tasks = [replace_grader(task, checked) if number % 2 else task for number, task in enumerate(make_tasks(TASKS))]

    def answer(request: GenerationRequest) -> Completion:
        return answer_with("no" if is_small(request) else "yes", tokens=5)(request)

    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id, _ = night(
        db_engine,
        tmp_path,
        answer=answer,
        objective=with_chances(budget(AMPLE)),
        predictions=predictions,
        tasks=tasks,
    )
    assert answers_of(db_engine, job_id) == ["no", "yes"] * (TASKS // 2)


def replace_grader(task: NewTask, grader: Mapping[str, object]) -> NewTask:
    return msgspec.structs.replace(task, payload=json.dumps(json.loads(task.payload) | {"grader": grader}))


def test_twins_share_the_second_answer(db_engine: Database, tmp_path: Path) -> None:
    one = make_tasks(TASKS // 2)
    again = [msgspec.structs.replace(task, custom_id=f"again-{number}") for number, task in enumerate(one)]
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id, engine = night(
        db_engine,
        tmp_path,
        answer=fail_small(lambda number: number % 2 == 0),
        objective=with_chances(budget(AMPLE)),
        predictions=predictions,
        tasks=[*one, *again],
    )
    assert answers_of(db_engine, job_id) == ["yes"] * TASKS
    assert len(engine.asked) == TASKS // 2 + TASKS // 4


def test_a_deadline_leaves_room_for_kept_answers(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id = submit(db_engine, predictions=predictions, objective=with_chances(budget(AMPLE)))
    with session_scope(db_engine) as session:
        soon = datetime.now(UTC) + timedelta(hours=1)
        session.execute(update(JobRow).where(JobRow.id == job_id).values(deadline=soon))
    assert drive(db_engine, job_id, [FakeEngine(fail_small())], make_settings(tmp_path))
    assert answers_of(db_engine, job_id) == ["yes"] * TASKS


def test_a_night_that_is_drained_goes_on_where_it_was(db_engine: Database, tmp_path: Path) -> None:
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id = submit(db_engine, predictions=predictions, objective=with_chances(budget(AMPLE)))
    stop = threading.Event()
    answer = fail_small()

    def answer_some(request: GenerationRequest) -> Completion:
        if not is_small(request):
            stop.set()  # in the middle of the first second chances
        return answer(request)

    settings = make_settings(tmp_path)
    assert not drive(db_engine, job_id, [FakeEngine(answer_some)], settings, draining=stop)
    later = FakeEngine(answer)
    assert drive(db_engine, job_id, [later], settings)
    assert answers_of(db_engine, job_id) == ["yes"] * TASKS
    assert spent_by(db_engine, job_id) == TASKS * 25
    with session_scope(db_engine) as session:
        assert read_job(session, job_id=job_id).state is JobState.COMPLETED
        assert read_progress(session, job_id=job_id).outcomes == TASKS


def test_the_same_answers_come_out_whatever_is_left_alone(db_engine: Database, tmp_path: Path) -> None:
    """Random failures of both: each task has the best of what it was answered, and is asked twice at most."""
    chance = np.random.default_rng(7)
    small, large = chance.random((2, TASKS)) < 0.5

    def answer(request: GenerationRequest) -> Completion:
        fails = (small if is_small(request) else large)[number_of(request)]
        return answer_with("" if fails else "yes", tokens=5)(request)

    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id, engine = night(
        db_engine, tmp_path, answer=answer, objective=with_chances(budget(AMPLE)), predictions=predictions
    )
    assert answers_of(db_engine, job_id) == ["" if both else "yes" for both in (small & large).tolist()]
    assert len(engine.asked) == TASKS + int(small.sum())
