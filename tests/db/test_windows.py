import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from db.errors import StaleFence, WindowMismatch
from db.expiry import expire_leases
from db.jobs import read_job
from db.plans import NewGroup, commit_window
from db.progress import read_progress
from db.session import session_scope
from db.states import JobKind, JobState, RequeueReason
from db.windows import ClaimedWindow, claim_window, extend_window_lease, return_window
from tests.db.building import (
    LEASE_SECONDS,
    BuiltJob,
    build_claimed,
    build_job,
    claim,
    end_leases,
    finish,
    new_group,
    reserve,
    retry,
    settle,
)


def submit(engine: Engine, *, tasks: int, kind: JobKind = JobKind.RUN) -> BuiltJob:
    with session_scope(engine) as session:
        return build_job(session, tasks=tasks, kind=kind)


def cut(engine: Engine, job: BuiltJob, *, size: int = 100) -> ClaimedWindow | None:
    with session_scope(engine) as session:
        return claim_window(session, job_id=job.id, size=size, owner="router", lease_seconds=LEASE_SECONDS)


def take(engine: Engine, job: BuiltJob, *, size: int = 100) -> ClaimedWindow:
    window = cut(engine, job, size=size)
    assert window is not None
    return window


def commit(
    engine: Engine,
    window: ClaimedWindow,
    groups: list[NewGroup],
    *,
    unserved: list[int] | None = None,
    not_eligible: list[int] | None = None,
) -> list[int]:
    with session_scope(engine) as session:
        return commit_window(
            session,
            window_id=window.id,
            fence=window.fence,
            groups=groups,
            unserved=unserved or [],
            not_eligible=not_eligible or [],
        )


def test_windows_are_cut_one_after_another_and_then_no_more(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=5)
    assert [list(take(db_engine, job, size=2).seqs) for _ in range(3)] == [[0, 1], [2, 3], [4]]
    assert cut(db_engine, job) is None
    with session_scope(db_engine) as session:
        stored = read_job(session, job_id=job.id)
    assert (stored.state, stored.cursor_seq) == (JobState.RUNNING, 5)
    assert stored.started_at is not None


def test_routers_at_the_same_time_cut_different_windows(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=60)
    together = threading.Barrier(4)

    def cut_three() -> list[int]:
        together.wait()
        return [seq for _ in range(3) for seq in take(db_engine, job, size=5).seqs]

    with ThreadPoolExecutor(4) as pool:
        seqs = [seq for future in [pool.submit(cut_three) for _ in range(4)] for seq in future.result()]
    assert sorted(seqs) == list(range(60))


def test_a_lost_window_is_claimed_again_under_a_new_fence(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=4)
    lost = take(db_engine, job, size=2)
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        assert expire_leases(session).windows == 1
    with pytest.raises(StaleFence, match="window"):
        commit(db_engine, lost, [new_group(job.strategy_ids[0], lost.seqs)])
    again = take(db_engine, job, size=2)
    assert (again.id, again.seqs) == (lost.id, lost.seqs)
    assert again.fence > lost.fence
    commit(db_engine, again, [new_group(job.strategy_ids[0], again.seqs)])


def test_a_window_that_was_given_back_is_claimed_first(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=4)
    window = take(db_engine, job, size=2)
    with session_scope(db_engine) as session:
        return_window(session, window_id=window.id, fence=window.fence)
    assert take(db_engine, job, size=2).id == window.id


def test_an_extended_lease_outlives_the_old_one(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=1)
    window = take(db_engine, job)
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        extend_window_lease(session, window_id=window.id, fence=window.fence, lease_seconds=LEASE_SECONDS)
        assert expire_leases(session).windows == 0


def test_a_window_is_committed_once(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=1)
    window = take(db_engine, job)
    commit(db_engine, window, [new_group(job.strategy_ids[0], [0])])
    with pytest.raises(StaleFence):
        commit(db_engine, window, [new_group(job.strategy_ids[0], [0])])


@pytest.mark.parametrize(
    ("cuts", "unserved"),
    [([[0, 1]], []), ([[0, 1, 2], [2]], []), ([[0, 1, 2, 3]], []), ([[0, 1, 2]], [2]), ([[0, 1]], [2, 9]), ([], [])],
)
def test_every_task_of_a_window_gets_exactly_one_place(
    db_engine: Engine, cuts: list[list[int]], unserved: list[int]
) -> None:
    job = submit(db_engine, tasks=4)
    window = take(db_engine, job, size=3)
    with pytest.raises(WindowMismatch, match=f"window {window.id} of job {job.id} has 3 tasks to place"):
        commit(db_engine, window, [new_group(job.strategy_ids[0], seqs) for seqs in cuts], unserved=unserved)
    commit(db_engine, window, [new_group(job.strategy_ids[0], window.seqs)])


def test_unserved_tasks_end_with_a_reason_and_are_not_routed_again(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=3)
    window = take(db_engine, job)
    commit(db_engine, window, [new_group(job.strategy_ids[0], [1])], unserved=[0], not_eligible=[2])
    assert cut(db_engine, job) is None
    with session_scope(db_engine) as session:
        requeued = read_progress(session, job_id=job.id).requeued
    assert requeued == {RequeueReason.BUDGET_EXHAUSTED: 1, RequeueReason.NOT_ELIGIBLE: 1}


def test_tasks_that_come_back_are_routed_before_new_ones_and_keep_their_past(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=4)
    first, second = job.strategy_ids
    window = take(db_engine, job, size=3)
    commit(db_engine, window, [new_group(first, window.seqs)])
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0, 1])
    settle(db_engine, group, batch_no, [], [retry(0, exclude_strategy=True), retry(1)])
    finish(db_engine, group, hand_back=[2])

    back = take(db_engine, job, size=10)
    assert back.seqs == [0, 1, 2]
    past = {row.seq: (row.reason, row.attempt_no, row.excluded_strategy_ids) for row in back.requeued}
    assert past == {
        0: (RequeueReason.RETRY, 1, [first]),
        1: (RequeueReason.RETRY, 1, []),
        2: (RequeueReason.DENIED, 0, []),
    }
    commit(db_engine, back, [new_group(second, [0, 1, 2])])
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0])
    settle(db_engine, group, batch_no, [], [retry(0, exclude_strategy=True)])
    finish(db_engine, group, hand_back=[1, 2])
    third = take(db_engine, job, size=10)
    assert (third.requeued[0].attempt_no, third.requeued[0].excluded_strategy_ids) == (2, [first, second])
    commit(db_engine, third, [new_group(first, [0, 1, 2])])
    finish(db_engine, claim(db_engine), hand_back=[0, 1, 2])
    fourth = take(db_engine, job, size=10)
    assert [(row.attempt_no, row.excluded_strategy_ids) for row in fourth.requeued] == [
        (2, [first, second]),
        (1, []),
        (0, []),
    ]


def test_a_task_waits_until_its_delay_is_over(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1)
    batch_no = reserve(db_engine, group, [0])
    settle(db_engine, group, batch_no, [], [retry(0, delay_seconds=3600.0)])
    finish(db_engine, group)
    assert cut(db_engine, job) is None
    with db_engine.begin() as connection:
        connection.execute(text("UPDATE requeue SET not_before = clock_timestamp()"))
    assert take(db_engine, job).seqs == [0]


def test_a_lost_window_of_requeued_tasks_brings_them_back(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    finish(db_engine, group, hand_back=[0, 1])
    lost = take(db_engine, job)
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        expire_leases(session)
    again = take(db_engine, job)
    assert again.id == lost.id
    assert again.requeued == lost.requeued


def test_a_calibration_needs_every_task_in_every_arm(db_engine: Engine) -> None:
    job = submit(db_engine, tasks=2, kind=JobKind.CALIBRATION)
    first, second = job.strategy_ids
    window = take(db_engine, job)
    with pytest.raises(WindowMismatch, match="has 4 tasks to place: 2 have no place"):
        commit(db_engine, window, [new_group(first, [0, 1])])
    commit(db_engine, window, [new_group(first, [0, 1]), new_group(second, [0])], not_eligible=[1])
    group = claim(db_engine)
    assert (group.strategy_id, group.arm) == (first, first)
    finish(db_engine, group, hand_back=[1, 0])
    back = take(db_engine, job)
    assert [(row.seq, row.arm) for row in back.requeued] == [(0, first), (1, first)]
    with pytest.raises(WindowMismatch):
        commit(db_engine, back, [new_group(second, [0, 1])])
    commit(db_engine, back, [new_group(first, [0, 1])])
