"""Jobs that are open when their budget's period ends: they go on in the next, and each charge stays in its own."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from db.budgets import Budget, read_budget
from db.cancelling import cancel_job
from db.errors import StaleFence
from db.expiry import expire_leases
from db.groups import claim_group, finish_group
from db.jobs import complete_job, read_job
from db.periods import list_outdated_jobs, move_to_present_period
from db.plans import commit_window
from db.promises import promise_answers
from db.session import session_scope
from db.shared_budgets import create_shared_budget, find_shared_budget
from db.states import BudgetPeriod
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    LEAST,
    TENANT,
    BuiltJob,
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

TONIGHT = datetime.now(UTC)
TOMORROW = TONIGHT + timedelta(hours=36)  # whatever time it is: in a later period


def build_nightly(engine: Engine, *, tasks: int, cap: int = 1_000, promised: bool = True) -> BuiltJob:
    with session_scope(engine) as session:
        nightly = BudgetPeriod.NIGHTLY
        budget_id = create_shared_budget(session, tenant_id=TENANT, name="night", unit="FLOPs", cap=cap, period=nightly)
        assert budget_id is not None
        job = build_job(session, tasks=tasks, budget_id=budget_id)
        if promised:
            assert promise_answers(session, job_id=job.id, least=LEAST * tasks)
    return job


def move(engine: Engine, job: BuiltJob, *, tasks: int, now: datetime = TOMORROW) -> bool:
    with session_scope(engine) as session:
        least = np.full(tasks, float(LEAST))
        return move_to_present_period(session, job_id=job.id, least=least, now=now)


def present(engine: Engine, job: BuiltJob) -> Budget:
    with session_scope(engine) as session:
        return read_budget(session, budget_id=read_job(session, job_id=job.id).budget_id)


def past(engine: Engine, job: BuiltJob) -> Budget:
    with session_scope(engine) as session:
        return read_budget(session, budget_id=job.budget_id)


def test_only_open_jobs_of_past_periods_are_moved(db_engine: Engine) -> None:
    job = build_nightly(db_engine, tasks=1)
    with session_scope(db_engine) as session:
        build_job(session, tasks=1)
        assert list_outdated_jobs(session) == []
        assert list_outdated_jobs(session, now=TOMORROW) == [job.id]
    assert not move(db_engine, job, tasks=1, now=TONIGHT)
    assert move(db_engine, job, tasks=1)
    assert not move(db_engine, job, tasks=1)
    with session_scope(db_engine) as session:
        assert list_outdated_jobs(session, now=TOMORROW) == []
        assert cancel_job(session, job_id=job.id, least=np.array([float(LEAST)]))
    assert not move(db_engine, job, tasks=1, now=TOMORROW + timedelta(days=1))


def test_a_job_that_is_being_cancelled_stays_where_it_is(db_engine: Engine) -> None:
    """It starts nothing more, and what no window has cut is not promised anything any longer."""
    job = build_nightly(db_engine, tasks=3)
    with session_scope(db_engine) as session:
        route(session, job, size=1)
    group = claim(db_engine)
    with session_scope(db_engine) as session:
        assert not cancel_job(session, job_id=job.id, least=np.full(3, float(LEAST)))
        assert list_outdated_jobs(session, now=TOMORROW) == []
    assert not move(db_engine, job, tasks=3)
    finish(db_engine, group, hand_back=[0])


def test_the_promise_for_what_waits_goes_along_exactly(db_engine: Engine) -> None:
    """Two tasks each: settled, with an engine, back, denied, in a ready group, in an open window, beyond the cursor."""
    job = build_nightly(db_engine, tasks=14)
    with session_scope(db_engine) as session:
        route(session, job, size=8, group_size=8, least=LEAST)
    group = claim(db_engine)
    settle(db_engine, group, reserve(db_engine, group, [0, 1, 4, 5]), [outcome(0), outcome(1)], [retry(4), retry(5)])
    batch_no = reserve(db_engine, group, [2, 3])
    with session_scope(db_engine) as session:
        route(session, job, size=2, least=LEAST)  # those that came back
        assert claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS)
    assert past(db_engine, job).kept == 10 * LEAST
    assert move(db_engine, job, tasks=14)
    assert past(db_engine, job).kept == 0
    assert present(db_engine, job).kept == 10 * LEAST
    settle(db_engine, group, batch_no, [outcome(2)], [retry(3)])
    assert past(db_engine, job).spent == 6 * 4
    assert (present(db_engine, job).spent, present(db_engine, job).kept) == (0, 11 * LEAST)
    reserve(db_engine, group, [6])
    assert (present(db_engine, job).reserved, present(db_engine, job).kept) == (10, 10 * LEAST)


def test_what_is_lost_is_burned_where_it_was_reserved_and_promised_where_it_goes_on(db_engine: Engine) -> None:
    job = build_nightly(db_engine, tasks=2)
    with session_scope(db_engine) as session:
        route(session, job, least=LEAST)
    reserve(db_engine, claim(db_engine), [0])
    assert move(db_engine, job, tasks=2)
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        assert expire_leases(session).burned_tasks == 1
    assert (past(db_engine, job).burned, past(db_engine, job).kept) == (10, 0)
    assert (present(db_engine, job).burned, present(db_engine, job).kept) == (0, 2 * LEAST)


def test_a_promise_that_the_next_period_can_not_keep_ends_for_that_job_alone(db_engine: Engine) -> None:
    job = build_nightly(db_engine, tasks=3, cap=4 * LEAST)
    with session_scope(db_engine) as session:
        route(session, job, least=LEAST)
        later = find_shared_budget(session, tenant_id=TENANT, name="night", now=TOMORROW)
        assert later is not None
        early = build_job(session, tasks=2, budget_id=later.id)
        assert promise_answers(session, job_id=early.id, least=2 * LEAST)
    group = claim(db_engine)
    assert move(db_engine, job, tasks=3)
    with session_scope(db_engine) as session:
        assert not read_job(session, job_id=job.id).promised
    batch_no = reserve(db_engine, group, [0], [LEAST])
    settle(db_engine, group, batch_no, [], [retry(0)])
    assert present(db_engine, job).kept == 2 * LEAST


def test_a_job_without_a_promise_takes_nothing_from_those_that_have_one(db_engine: Engine) -> None:
    job = build_nightly(db_engine, tasks=3, cap=30, promised=False)
    with session_scope(db_engine) as session:
        route(session, job, least=LEAST)  # by a router that did not hear of it
        other = build_job(session, tasks=2, budget_id=job.budget_id)
        assert promise_answers(session, job_id=other.id, least=2 * LEAST)
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0])
    assert past(db_engine, job).kept == 2 * LEAST
    settle(db_engine, group, batch_no, [], [retry(0)])
    assert past(db_engine, job).kept == 2 * LEAST
    finish(db_engine, group, hand_back=[1, 2])


TASKS = 90


class LongNight:
    """Routers and workers at work on one job while its budget's periods end one after the other."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.over = threading.Event()
        self.chance = random.Random(5)
        self.job = build_nightly(engine, tasks=TASKS, cap=TASKS * 12)
        self.moves = 0

    def repeat(self, step: str) -> None:
        try:
            while not self.over.is_set():
                with suppress(StaleFence):
                    getattr(self, step)()
        finally:
            self.over.set()

    def route(self) -> None:
        with session_scope(self.engine) as session:
            window = claim_window(session, job_id=self.job.id, size=5, owner="router", lease_seconds=0.3)
        if window is None:
            self.over.wait(0.005)
            return
        groups = [new_group(self.job.strategy_ids[0], window.seqs, least=LEAST)]
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
            left = left[2:]
        with session_scope(self.engine) as session:
            finish_group(session, group_id=group.id, fence=group.fence, hand_back=left)

    def sweep(self) -> None:
        self.over.wait(0.02)
        with session_scope(self.engine) as session:
            expire_leases(session, job_id=self.job.id)
        with session_scope(self.engine) as session:
            if complete_job(session, job_id=self.job.id):
                self.over.set()

    def turn(self) -> None:
        """Another day."""
        self.over.wait(0.03)
        self.moves += move(self.engine, self.job, tasks=TASKS, now=TOMORROW + timedelta(days=self.moves))


def test_periods_that_end_at_work_break_no_promise(db_engine: Engine) -> None:
    night = LongNight(db_engine)
    steps = ["answer"] * 4 + ["route"] * 2 + ["sweep", "turn"]
    with ThreadPoolExecutor(len(steps)) as pool:
        for future in [pool.submit(night.repeat, step) for step in steps]:
            future.result()
    assert night.moves > 0
    with session_scope(db_engine) as session:
        job = read_job(session, job_id=night.job.id)
    assert job.promised
    assert job.finished_at is not None
    assert past(db_engine, night.job).kept == present(db_engine, night.job).kept == 0
