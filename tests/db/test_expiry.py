import pytest
from sqlalchemy import Engine, text

from db.budgets import read_budget
from db.errors import StaleFence
from db.expiry import Expired, expire_leases
from db.groups import claim_group
from db.jobs import complete_job
from db.leases import extend_lease
from db.session import session_scope
from tests.db.building import (
    LEASE_SECONDS,
    build_claimed,
    build_job,
    claim,
    end_leases,
    finish,
    outcome,
    reserve,
    route,
    settle,
)


def expire(engine: Engine, *, job_id: int | None = None) -> Expired:
    with session_scope(engine) as session:
        return expire_leases(session, job_id=job_id)


def test_exactly_what_was_started_and_not_settled_is_burned(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=5)
    settled = reserve(db_engine, group, [0], [10])
    settle(db_engine, group, settled, [outcome(0, cost=4)])
    reserve(db_engine, group, [1, 2], [7, 8])
    reserve(db_engine, group, [3], [9])
    end_leases(db_engine)
    assert expire(db_engine) == Expired(groups=1, windows=0, burned=24, burned_tasks=3)
    with session_scope(db_engine) as session:
        budget = read_budget(session, budget_id=job.budget_id)
        attempts = session.execute(text("SELECT seq, fence, error_code, cost FROM attempt ORDER BY seq")).all()
    assert (budget.reserved, budget.spent, budget.burned) == (0, 4, 24)
    assert [tuple(row) for row in attempts] == [
        (1, group.fence, "lease_expired", 7),
        (2, group.fence, "lease_expired", 8),
        (3, group.fence, "lease_expired", 9),
    ]
    again = claim(db_engine)
    assert (again.seqs, again.past_attempts) == ([1, 2, 3, 4], [1, 1, 1, 0])


def test_a_second_sweep_finds_nothing(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    reserve(db_engine, group, [0])
    end_leases(db_engine)
    expire(db_engine)
    assert expire(db_engine) == Expired(groups=0, windows=0, burned=0, burned_tasks=0)


def test_a_worker_that_comes_back_too_late_writes_nothing(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    batch_no = reserve(db_engine, group, [0])
    end_leases(db_engine)
    expire(db_engine)
    successor = claim(db_engine, owner="successor")
    with pytest.raises(StaleFence):
        settle(db_engine, group, batch_no, [outcome(0)])
    with pytest.raises(StaleFence):
        reserve(db_engine, group, [1])
    with pytest.raises(StaleFence):
        finish(db_engine, group, hand_back=[0, 1])
    with pytest.raises(StaleFence), session_scope(db_engine) as session:
        extend_lease(session, group_id=group.id, fence=group.fence, lease_seconds=LEASE_SECONDS)
    both = reserve(db_engine, successor, [0, 1])
    settle(db_engine, successor, both, [outcome(0), outcome(1)])
    finish(db_engine, successor)
    with session_scope(db_engine) as session:
        assert complete_job(session, job_id=job.id)


def test_continuing_after_many_losses_answers_every_task_once(db_engine: Engine) -> None:
    """Each worker settles one batch, starts another and is lost."""
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=12)
        route(session, job, group_size=4)
    answered: list[int] = []
    while True:
        with session_scope(db_engine) as session:
            group = claim_group(session, owner="worker", lease_seconds=LEASE_SECONDS)
        if group is None:
            break
        if not group.seqs:
            finish(db_engine, group)
            continue
        first, *rest = group.seqs
        settle(db_engine, group, reserve(db_engine, group, [first]), [outcome(first)])
        answered.append(first)
        if rest:
            reserve(db_engine, group, rest[:1])
        end_leases(db_engine)
        expire(db_engine)
    assert sorted(answered) == list(range(12))
    with session_scope(db_engine) as session:
        assert complete_job(session, job_id=job.id)
        budget = read_budget(session, budget_id=job.budget_id)
    assert (budget.spent, budget.burned) == (12 * 4, 9 * 10)


def test_only_the_asked_job_is_swept(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1)
    other, _ = build_claimed(db_engine, tasks=1)
    end_leases(db_engine)
    assert expire(db_engine, job_id=other.id).groups == 1
    assert expire(db_engine, job_id=job.id).groups == 1
    assert claim(db_engine).id == group.id


def test_a_group_that_its_owner_is_writing_is_passed_over(db_engine: Engine) -> None:
    _, group = build_claimed(db_engine, tasks=1)
    end_leases(db_engine)
    with session_scope(db_engine) as owner:
        extend_lease(owner, group_id=group.id, fence=group.fence, lease_seconds=LEASE_SECONDS)
        assert expire(db_engine).groups == 0  # at once: it does not wait for the owner either
    assert expire(db_engine).groups == 0


def test_losses_under_several_budgets_are_burned_each_under_its_own(db_engine: Engine) -> None:
    jobs = [build_claimed(db_engine, tasks=1) for _ in range(3)]
    for amount, (_, group) in enumerate(jobs, start=5):
        reserve(db_engine, group, [0], [amount])
    end_leases(db_engine)
    assert expire(db_engine).burned == 5 + 6 + 7
    with session_scope(db_engine) as session:
        burned = [read_budget(session, budget_id=job.budget_id).burned for job, _ in jobs]
    assert burned == [5, 6, 7]
