"""What a completed job's budget did not reach is asked by another job, once there is more money."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.jobs import Job, read_job, update_meta
from db.progress import JobProgress, read_progress
from db.results import iterate_results
from db.session import session_scope
from db.states import JobState, RequeueReason
from db.tasks import NewTask
from router.units import Amount, Unit
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker.continuation import find_latest
from worker.errors import BudgetTooSmall
from worker.shared_budgets import raise_cap

FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def job_of(database: Database, job_id: int) -> Job:
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def progress_of(database: Database, job_id: int) -> JobProgress:
    with session_scope(database) as session:
        return read_progress(session, job_id=job_id)


def answer(database: Database, job_id: int, folder: Path) -> bool:
    """Every answer costs ten tokens, which is all that the small strategy can cost."""
    return drive(database, job_id, [FakeEngine(answer_with("yes", tokens=10))], make_settings(folder))


def more(database: Database, job_id: int, quanta: int) -> None:
    raise_cap(database, named=str(job_id), amount=Amount(unit=Unit.TOKENS, quanta=quanta))


def exhaust(database: Database, folder: Path, *, tasks: list[NewTask] | None = None, cap: int = 200) -> int:
    """A completed job of thirty tasks, whose budget reached as many as it has tens of tokens."""
    job_id = submit(database, predictions=predict_flat(30, **FLAT), objective=budget(cap), tasks=tasks)
    with session_scope(database) as session:
        update_meta(session, job_id=job_id, meta={"out": "out", "strategy_file": "own.yaml"})
    assert answer(database, job_id, folder)
    return job_id


def test_what_is_left_becomes_a_job_and_the_first_stays_completed(db_engine: Database, tmp_path: Path) -> None:
    first = exhaust(db_engine, tmp_path)
    more(db_engine, first, 100)
    later = find_latest(db_engine, job_id=first)
    assert (later.continues_job_id, later.state, later.promised) == (first, JobState.SUBMITTED, True)
    assert later.budget_id == job_of(db_engine, first).budget_id
    assert later.meta["out"] == "out/continued"
    assert find_latest(db_engine, job_id=first) == later  # it is made once
    assert answer(db_engine, later.id, tmp_path)
    with session_scope(db_engine) as session:
        unreached = {row.custom_id for row in iterate_results(session, job_id=first) if row.outcome is None}
        assert {row.custom_id for row in iterate_results(session, job_id=later.id)} == unreached
        after = read_budget(session, budget_id=later.budget_id)
    assert (after.spent, after.cap, after.kept) == (300, 300, 0)
    assert job_of(db_engine, first).state is JobState.COMPLETED
    assert progress_of(db_engine, first).requeued == {RequeueReason.BUDGET_EXHAUSTED: 10}
    assert progress_of(db_engine, later.id).outcomes == 10
    assert find_latest(db_engine, job_id=first).id == later.id  # nothing is left to continue


def test_some_more_money_reaches_some_more_tasks_and_so_on(db_engine: Database, tmp_path: Path) -> None:
    first = exhaust(db_engine, tmp_path)
    more(db_engine, first, 39)
    second = find_latest(db_engine, job_id=first)
    assert answer(db_engine, second.id, tmp_path)
    assert progress_of(db_engine, second.id).outcomes == 3
    with pytest.raises(BudgetTooSmall, match=f"job {second.id} is completed, and its budget did not reach 7 tasks"):
        find_latest(db_engine, job_id=first)
    more(db_engine, second.id, 61)
    third = find_latest(db_engine, job_id=first)
    assert (third.continues_job_id, third.task_count) == (second.id, 7)
    assert answer(db_engine, third.id, tmp_path)
    assert progress_of(db_engine, third.id).outcomes == 7


def test_without_more_money_both_numbers_are_told(db_engine: Database, tmp_path: Path) -> None:
    first = exhaust(db_engine, tmp_path, cap=205)
    with pytest.raises(BudgetTooSmall) as refused:
        find_latest(db_engine, job_id=first)
    assert str(refused.value) == (
        f"job {first} is completed, and its budget did not reach 10 tasks: it has 5 tokens left, the least of them "
        f'needs 10 tokens at worst. `apportion budgets raise {first} "5 tokens"` or more, then continue; '
        f"`apportion report {first}` shows what was answered"
    )
    assert job_of(db_engine, first).state is JobState.COMPLETED


def test_identical_tasks_that_were_not_reached_are_still_asked_once(db_engine: Database, tmp_path: Path) -> None:
    asked = make_tasks(30, body=lambda number: {"messages": [{"role": "user", "content": f"question-{number % 6}"}]})
    first = exhaust(db_engine, tmp_path, tasks=asked, cap=40)
    assert progress_of(db_engine, first).requeued == {RequeueReason.BUDGET_EXHAUSTED: 10}
    more(db_engine, first, 20)
    later = find_latest(db_engine, job_id=first)
    assert (later.task_count, later.twins) == (10, 8)
    assert answer(db_engine, later.id, tmp_path)
    done = progress_of(db_engine, later.id)
    assert (done.outcomes, done.spent) == (10, 20)


def test_a_job_that_is_asked_for_by_many_is_continued_once(db_engine: Database, tmp_path: Path) -> None:
    first = exhaust(db_engine, tmp_path)
    more(db_engine, first, 100)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: find_latest(db_engine, job_id=first).id, range(6)))
    assert len(set(found)) == 1
