"""What a budget promised to tasks that wait stays free for them, through starts, losses and other jobs."""

import pytest
from sqlalchemy import Engine

from db.budgets import read_budget, set_cap
from db.disbanding import disband_group
from db.errors import BudgetCommitted, BudgetDenied
from db.expiry import expire_leases
from db.jobs import complete_job
from db.promises import end_broken_promise, promise_answers
from db.session import session_scope
from db.states import RequeueReason
from tests.db.building import (
    LEAST,
    BuiltJob,
    build_claimed,
    build_job,
    end_leases,
    finish,
    outcome,
    reserve,
    retry,
    settle,
)


def read_kept(engine: Engine, job: BuiltJob) -> int | None:
    with session_scope(engine) as session:
        return read_budget(session, budget_id=job.budget_id).kept


def test_a_promise_needs_the_money_for_all_tasks_beside_what_is_promised_already(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=4, cap=30)
        assert not promise_answers(session, job_id=job.id, least=31)
        assert promise_answers(session, job_id=job.id, least=20)
        assert not promise_answers(session, job_id=job.id, least=11)
    assert read_kept(db_engine, job) == 20


def test_without_a_cap_nothing_is_promised(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=4, cap=None)
        assert not promise_answers(session, job_id=job.id, least=0)
    assert read_kept(db_engine, job) is None


def test_a_batch_leaves_free_what_the_others_were_promised(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, cap=4 * LEAST + 5, promised=True)
    with pytest.raises(BudgetDenied) as denied:
        reserve(db_engine, group, [0], [LEAST + 6])
    assert (denied.value.left, denied.value.kept) == (4 * LEAST + 5, 4 * LEAST)
    reserve(db_engine, group, [0], [LEAST + 5])
    assert read_kept(db_engine, job) == 3 * LEAST
    with pytest.raises(BudgetDenied):
        reserve(db_engine, group, [1], [LEAST + 1])


def test_what_comes_back_is_promised_again(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, promised=True)
    settle(db_engine, group, reserve(db_engine, group, [0, 1]), [outcome(0)], [retry(1)])
    assert read_kept(db_engine, job) == 3 * LEAST
    reserve(db_engine, group, [2])
    assert read_kept(db_engine, job) == 2 * LEAST
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    assert read_kept(db_engine, job) == 3 * LEAST


def test_a_promise_that_a_loss_broke_ends(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, cap=4 * LEAST + 3, promised=True)
    reserve(db_engine, group, [0], [LEAST + 3])
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    assert read_kept(db_engine, job) is None  # 3 * LEAST are left, and four tasks wait


def test_a_promise_that_failed_attempts_broke_ends(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, cap=4 * LEAST + 3, promised=True)
    settle(db_engine, group, reserve(db_engine, group, [0], [LEAST + 3]), [], [retry(0, cost=LEAST + 3)])
    assert read_kept(db_engine, job) is None
    with session_scope(db_engine) as session:
        assert not end_broken_promise(session, budget_id=job.budget_id)


def test_a_promise_that_still_holds_does_not_end(db_engine: Engine) -> None:
    job, _ = build_claimed(db_engine, tasks=4, cap=4 * LEAST, promised=True)
    with session_scope(db_engine) as session:
        assert not end_broken_promise(session, budget_id=job.budget_id)
    assert read_kept(db_engine, job) == 4 * LEAST


def test_what_is_given_up_was_promised_in_vain(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, promised=True)
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
    with session_scope(db_engine) as session:
        assert disband_group(session, group_id=group.id, fence=group.fence, reason=RequeueReason.CANCELLED) == 3
    assert read_kept(db_engine, job) == 0


def test_what_is_denied_waits_with_its_promise(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2, promised=True)
    finish(db_engine, group, hand_back=[0, 1])
    assert read_kept(db_engine, job) == 2 * LEAST


def test_a_lowered_cap_ends_promises_and_stops_at_what_is_committed(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2, cap=40, promised=True)
    reserve(db_engine, group, [0], [10])
    with session_scope(db_engine) as session:
        assert set_cap(session, budget_id=job.budget_id, cap=17).kept == LEAST
        assert set_cap(session, budget_id=job.budget_id, cap=16).kept is None
        with pytest.raises(BudgetCommitted, match=r"has 10 quanta .* so its cap can not be 9"):
            set_cap(session, budget_id=job.budget_id, cap=9)
        assert set_cap(session, budget_id=job.budget_id, cap=12).cap == 12


def test_a_budget_promises_anew_once_no_disappointed_job_is_left(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1, cap=LEAST, promised=True)
    with session_scope(db_engine) as session:
        set_cap(session, budget_id=job.budget_id, cap=LEAST - 1)
    settle(db_engine, group, reserve(db_engine, group, [0], [1]), [outcome(0, cost=1)])
    finish(db_engine, group)
    assert read_kept(db_engine, job) is None
    with session_scope(db_engine) as session:
        assert complete_job(session, job_id=job.id)
    assert read_kept(db_engine, job) == 0
