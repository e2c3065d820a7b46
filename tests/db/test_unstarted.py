"""What is routed and not started."""

from sqlalchemy import Engine

from db.expiry import expire_leases
from db.groups import return_group
from db.job_list import list_jobs
from db.plans import commit_window
from db.routed_cost import read_routed_cost
from db.session import session_scope
from db.states import JobKind
from db.strategy_counts import StrategyCount, count_by_strategy
from db.unstarted import count_unstarted
from db.windows import claim_window
from tests.db.building import (
    TENANT,
    BuiltJob,
    build_claimed,
    build_job,
    claim,
    end_leases,
    finish,
    new_group,
    outcome,
    reserve,
    retry,
    route,
    settle,
)


def read(engine: Engine, job: BuiltJob) -> int:
    with session_scope(engine) as session:
        return count_unstarted(session, job_id=job.id)


def test_tasks_that_were_never_routed_are_not_counted(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=4)
        route(session, job, size=2)
    assert read(db_engine, job) == 2


def test_a_reservation_starts_a_task_and_an_outcome_ends_it(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4)
    assert read(db_engine, job) == 4
    batch_no = reserve(db_engine, group, [0, 2])
    assert read(db_engine, job) == 2
    settle(db_engine, group, batch_no, [outcome(0), outcome(2)])
    assert read(db_engine, job) == 2


def test_a_task_that_failed_in_passing_has_left_its_group(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=3)
    batch_no = reserve(db_engine, group, [0, 1])
    settle(db_engine, group, batch_no, [outcome(0)], [retry(1)])
    assert read(db_engine, job) == 1


def test_a_group_that_was_given_back_or_lost_has_to_be_started_again(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=3)
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
    with session_scope(db_engine) as session:
        return_group(session, group_id=group.id, fence=group.fence)
    assert read(db_engine, job) == 2
    reserve(db_engine, claim(db_engine), [1])
    assert read(db_engine, job) == 1
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    assert read(db_engine, job) == 2


def test_a_denied_task_waits_for_routing_and_one_given_up_for_nothing(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    finish(db_engine, group, hand_back=[0, 1])
    assert read(db_engine, job) == 0
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=job.id, size=5, owner="router", lease_seconds=60)
        assert window is not None
        groups = [new_group(job.strategy_ids[0], [0])]
        commit_window(session, window_id=window.id, fence=window.fence, groups=groups, unserved=[1])
    assert read(db_engine, job) == 1


def test_another_jobs_reservations_start_nothing_here(db_engine: Engine) -> None:
    first, group = build_claimed(db_engine, tasks=2)
    reserve(db_engine, group, [0])
    with session_scope(db_engine) as session:
        second = build_job(session, tasks=2)
    assert read(db_engine, second) == 0
    assert read(db_engine, first) == 1


def test_the_routed_cost_counts_a_task_each_time_it_is_routed(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=4)
        assert read_routed_cost(session, budget_id=job.budget_id) == 0
        for cost in (2**60, 1):
            window = claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=60)
            assert window is not None
            groups = [new_group(job.strategy_ids[0], window.seqs)]
            commit_window(session, window_id=window.id, fence=window.fence, groups=groups, predicted_cost=cost)
        assert read_routed_cost(session, budget_id=job.budget_id) == 2**60 + 1


def test_outcomes_are_counted_by_the_strategy_that_gave_them(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4)
    batch_no = reserve(db_engine, group, [0, 1, 2])
    settle(db_engine, group, batch_no, [outcome(0), outcome(1, correct=0.5), outcome(2, correct=None)])
    with session_scope(db_engine) as session:
        counts = count_by_strategy(session, job_id=job.id)
    assert counts == [StrategyCount(strategy_id=job.strategy_ids[0], outcomes=3, graded=2, correct=1.5)]


def test_jobs_are_listed_latest_first(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        ids = [build_job(session, tasks=1, kind=kind).id for kind in (JobKind.RUN, JobKind.CALIBRATION, JobKind.RUN)]
        listed = list_jobs(session, tenant_id=TENANT, limit=2)
        assert [job.id for job in listed] == ids[:0:-1]
        assert listed[1].kind is JobKind.CALIBRATION
        assert list_jobs(session, tenant_id="somebody else", limit=2) == []


def test_attempts_are_counted_over_all_groups_a_task_was_in(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    settle(db_engine, group, reserve(db_engine, group, [0, 1]), [outcome(1)], [retry(0)])
    finish(db_engine, group)
    with session_scope(db_engine) as session:
        route(session, job)
    again = claim(db_engine)
    assert (again.seqs, again.past_attempts) == ([0], [1])
    reserve(db_engine, again, [0])
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    assert claim(db_engine).past_attempts == [2]
