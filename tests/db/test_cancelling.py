"""A cancelled job: nothing more is started, what runs is settled, and its budget keeps nothing for it."""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from sqlalchemy import Engine

from db.budgets import read_budget
from db.cancelling import PIECE_ANSWERS, cancel_job, cancel_rest
from db.errors import JobHalted, StaleFence
from db.expiry import expire_leases
from db.groups import claim_group, finish_group
from db.jobs import complete_job, read_job
from db.plans import commit_window
from db.progress import read_progress
from db.promises import promise_answers
from db.session import session_scope
from db.states import JobKind, JobState, RequeueReason
from db.twins import store_twins
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    LEAST,
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


def cancel(engine: Engine, job: BuiltJob, *, least: Sequence[float] | None = None) -> bool:
    with session_scope(engine) as session:
        return cancel_job(session, job_id=job.id, least=None if least is None else np.array(least, dtype=np.float64))


def sweep(engine: Engine, job: BuiltJob) -> bool:
    with session_scope(engine) as session:
        return cancel_rest(session, job_id=job.id)


def count_cancelled(engine: Engine, job: BuiltJob) -> int:
    with session_scope(engine) as session:
        return read_progress(session, job_id=job.id).requeued.get(RequeueReason.CANCELLED, 0)


def state_of(engine: Engine, job: BuiltJob) -> JobState:
    with session_scope(engine) as session:
        return read_job(session, job_id=job.id).state


def kept_by(engine: Engine, job: BuiltJob) -> int | None:
    with session_scope(engine) as session:
        return read_budget(session, budget_id=job.budget_id).kept


@pytest.mark.parametrize("kind", list(JobKind))
def test_a_job_that_nobody_began_ends_at_once(db_engine: Engine, kind: JobKind) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=5, kind=kind, strategies=3)
    assert cancel(db_engine, job)
    assert state_of(db_engine, job) is JobState.CANCELLED
    assert count_cancelled(db_engine, job) == (5 if kind is JobKind.RUN else 15)


def test_every_place_that_a_task_can_be_in_is_left(db_engine: Engine) -> None:
    """Settled, denied, back from a failure, in a ready group, in an open window, beyond the cursor: two of each."""
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=12)
        assert promise_answers(session, job_id=job.id, least=12 * LEAST)
        route(session, job, size=6, group_size=6, least=LEAST)
    group = claim(db_engine)
    settle(db_engine, group, reserve(db_engine, group, [0, 1, 4, 5]), [outcome(0), outcome(1)], [retry(4), retry(5)])
    finish(db_engine, group, hand_back=[2, 3])
    with session_scope(db_engine) as session:
        back = claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS)
        assert back is not None
        assert len(back.requeued) == 2
        route(session, job, size=2, least=LEAST)  # those that came back as well: they are in a ready group now
        route(session, job, size=2, least=LEAST)
        assert claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS)
    assert cancel(db_engine, job, least=[LEAST] * 12)
    assert count_cancelled(db_engine, job) == 10
    assert kept_by(db_engine, job) == 0


def test_a_window_that_is_being_routed_is_lost(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=4)
        window = claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS)
    assert window is not None
    assert cancel(db_engine, job)
    with session_scope(db_engine) as session:
        with pytest.raises(StaleFence):
            commit_window(session, window_id=window.id, fence=window.fence, groups=[])
        assert claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS) is None


def test_a_late_settlement_is_accepted_and_nothing_more_is_started(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, promised=True)
    batch_no = reserve(db_engine, group, [0, 1])
    assert not cancel(db_engine, job, least=[LEAST] * 4)
    assert state_of(db_engine, job) is JobState.CANCELLING
    settle(db_engine, group, batch_no, [outcome(0, cost=6)], [retry(1, cost=3)])
    with pytest.raises(JobHalted):
        reserve(db_engine, group, [2])
    finish(db_engine, group, hand_back=[2, 3])  # by a worker that was denied before it could know
    assert not complete(db_engine, job)
    assert sweep(db_engine, job)
    assert state_of(db_engine, job) is JobState.CANCELLED
    with session_scope(db_engine) as session:
        progress, budget = read_progress(session, job_id=job.id), read_budget(session, budget_id=job.budget_id)
    assert (progress.outcomes, progress.requeued) == (1, {RequeueReason.CANCELLED: 3})
    assert (budget.spent, budget.reserved, budget.kept) == (9, 0, 0)


def complete(engine: Engine, job: BuiltJob) -> bool:
    with session_scope(engine) as session:
        return complete_job(session, job_id=job.id)


def test_the_group_of_a_lost_worker_is_given_up(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4, promised=True)
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
    reserve(db_engine, group, [1])
    assert not cancel(db_engine, job, least=[LEAST] * 4)
    assert not sweep(db_engine, job)
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        assert expire_leases(session).burned_tasks == 1
    assert sweep(db_engine, job)
    assert count_cancelled(db_engine, job) == 3
    assert kept_by(db_engine, job) == 0


def test_cancelling_twice_changes_nothing(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=4)
    assert cancel(db_engine, job)
    assert cancel(db_engine, job)
    assert count_cancelled(db_engine, job) == 4


def test_a_completed_job_stays_completed(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1)
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
    finish(db_engine, group)
    assert complete(db_engine, job)
    assert cancel(db_engine, job)
    assert state_of(db_engine, job) is JobState.COMPLETED


def test_twins_end_with_the_tasks_that_they_repeat(db_engine: Engine) -> None:
    """Leaders in every place; 8 and 9 repeat tasks that were cut before them, 7 one that was not."""
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=10)
        store_twins(session, job_id=job.id, leader_of={5: 0, 7: 6, 8: 1, 9: 2})
        route(session, job, size=2, group_size=1)
        assert claim_window(session, job_id=job.id, size=1, owner="router", lease_seconds=LEASE_SECONDS)
    group = claim(db_engine)
    finish(db_engine, group, hand_back=[0])  # waits; 1 is in a ready group, 2 in an open window
    assert cancel(db_engine, job)
    assert count_cancelled(db_engine, job) == 10


def test_a_large_job_is_given_up_piece_by_piece(db_engine: Engine) -> None:
    """Its budget keeps nothing for any of it from the first piece on; 5 repeats a task of another piece."""
    pieces, tasks = 3, 2 * PIECE_ANSWERS + 1
    least = [float(LEAST)] * (tasks - 1) + [0.0]
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=tasks, cap=tasks * LEAST)
        store_twins(session, job_id=job.id, leader_of={tasks - 1: 5})
        assert promise_answers(session, job_id=job.id, least=(tasks - 1) * LEAST)
    assert not cancel(db_engine, job, least=least)
    assert count_cancelled(db_engine, job) == PIECE_ANSWERS + 1
    assert kept_by(db_engine, job) == 0
    with session_scope(db_engine) as session:
        assert claim_window(session, job_id=job.id, size=1, owner="router", lease_seconds=LEASE_SECONDS) is None
        assert not complete_job(session, job_id=job.id)
    assert [sweep(db_engine, job) for _ in range(pieces - 1)] == [False, True]
    assert state_of(db_engine, job) is JobState.CANCELLED
    assert count_cancelled(db_engine, job) == tasks


TASKS = 120


class CancelledNight:
    """Routers, workers and a sweep at work on one job when it is cancelled. No transaction is tried again."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine = engine
        self.over = threading.Event()
        self.settled = threading.Semaphore(0)
        self.chance = random.Random(seed)
        with session_scope(engine) as session:
            self.job = build_job(session, tasks=TASKS, cap=TASKS * 12)
            assert promise_answers(session, job_id=self.job.id, least=TASKS * LEAST)

    def repeat(self, step: str) -> None:
        try:
            while not self.over.is_set():
                with suppress(StaleFence, JobHalted):
                    getattr(self, step)()
        finally:
            self.over.set()

    def route(self) -> None:
        with session_scope(self.engine) as session:
            window = claim_window(session, job_id=self.job.id, size=7, owner="router", lease_seconds=0.3)
        if window is None:
            self.over.wait(0.005)
            return
        groups = [new_group(self.job.strategy_ids[0], window.seqs[:4], least=LEAST)]
        if window.seqs[4:]:
            groups.append(new_group(self.job.strategy_ids[0], window.seqs[4:], least=LEAST))
        with session_scope(self.engine) as session:
            commit_window(session, window_id=window.id, fence=window.fence, groups=groups)

    def answer(self) -> None:
        with session_scope(self.engine) as session:
            group = claim_group(session, owner="worker", lease_seconds=0.3, job_id=self.job.id)
        if group is None:
            self.over.wait(0.005)
            return
        left = list(group.seqs)
        while left and self.chance.random() < 0.9:
            batch_no = reserve(self.engine, group, left[:2])
            again = [seq for seq in left[:2] if self.chance.random() < 0.2]
            final = [outcome(seq) for seq in left[:2] if seq not in again]
            settle(self.engine, group, batch_no, final, [retry(seq, cost=1) for seq in again])
            self.settled.release()
            left = left[2:]
        with session_scope(self.engine) as session:
            finish_group(session, group_id=group.id, fence=group.fence, hand_back=left, delay_seconds=0.01)

    def sweep(self) -> None:
        self.over.wait(0.02)
        with session_scope(self.engine) as session:
            expire_leases(session, job_id=self.job.id)
        if sweep(self.engine, self.job):
            self.over.set()

    def cancel(self) -> None:
        for _ in range(self.chance.randrange(1, 25)):
            self.settled.acquire(timeout=30)
        cancel(self.engine, self.job, least=[LEAST] * TASKS)
        self.over.wait()


@pytest.mark.parametrize("seed", range(6))
def test_a_crowd_comes_to_rest_when_its_job_is_cancelled(db_engine: Engine, seed: int) -> None:
    night = CancelledNight(db_engine, seed)
    steps = ["answer"] * 4 + ["route"] * 2 + ["sweep", "cancel"]
    with ThreadPoolExecutor(len(steps)) as pool:
        for future in [pool.submit(night.repeat, step) for step in steps]:
            future.result()
    assert state_of(db_engine, night.job) is JobState.CANCELLED
    with session_scope(db_engine) as session:
        progress, budget = (
            read_progress(session, job_id=night.job.id),
            read_budget(session, budget_id=night.job.budget_id),
        )
    assert progress.outcomes + progress.requeued[RequeueReason.CANCELLED] == TASKS
    assert progress.requeued[RequeueReason.CANCELLED] > 0
    assert (budget.reserved, budget.kept) == (0, 0)
