"""Workers, routers and sweeps at the same time, under leases so short that workers are lost in mid-work.

Transactions are not retried here: a deadlock, which the lock order forbids, fails the test.
"""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from sqlalchemy import Engine

from db.budgets import read_budget
from db.errors import BudgetDenied, StaleFence
from db.expiry import expire_leases
from db.groups import claim_group
from db.jobs import complete_job
from db.plans import commit_window
from db.progress import read_progress
from db.session import session_scope
from db.states import RequeueReason
from db.windows import claim_window
from tests.db.building import BuiltJob, build_job, finish, new_group, outcome, reserve, retry, settle

TASKS = 150
CAP = 1_000
LEASE_SECONDS = 0.05
PAUSES_SECONDS = [0.0] * 9 + [0.1]  # the last one is longer than the lease


class Night:
    """One job, and the steps that push it forward until it is completed."""

    def __init__(self, engine: Engine, job: BuiltJob) -> None:
        self.engine = engine
        self.job = job
        self.over = threading.Event()
        self.burned_tasks = 0

    def repeat(self, step: Callable[[random.Random], None], seed: int) -> None:
        chance = random.Random(seed)
        try:
            while not self.over.is_set():
                with suppress(StaleFence):  # the lease was lost: the work is somebody else's now
                    step(chance)
        finally:
            self.over.set()

    def route(self, chance: random.Random) -> None:
        """Make groups of a window; what was denied before is given up."""
        with session_scope(self.engine) as session:
            window = claim_window(session, job_id=self.job.id, size=20, owner="router", lease_seconds=LEASE_SECONDS)
        if window is None:
            self.over.wait(0.01)
            return
        self.over.wait(chance.choice(PAUSES_SECONDS))
        denied = [row.seq for row in window.requeued if row.reason is RequeueReason.DENIED]
        served = [seq for seq in window.seqs if seq not in denied]
        cuts = [served[start : start + 6] for start in range(0, len(served), 6)]
        groups = [new_group(self.job.strategy_ids[0], cut) for cut in cuts]
        with session_scope(self.engine) as session:
            commit_window(session, window_id=window.id, fence=window.fence, groups=groups, unserved=denied)

    def answer(self, chance: random.Random) -> None:
        """Answer a group in batches of two; some tasks have to be tried again."""
        with session_scope(self.engine) as session:
            group = claim_group(session, owner="worker", lease_seconds=LEASE_SECONDS, job_id=self.job.id)
        if group is None:
            self.over.wait(0.01)
            return
        left = list(group.seqs)
        with suppress(BudgetDenied):
            while left:
                batch_no = reserve(self.engine, group, left[:2])
                self.over.wait(chance.choice(PAUSES_SECONDS))
                final = [seq for seq in left[:2] if chance.random() < 0.9]
                again = [retry(seq, cost=1) for seq in left[:2] if seq not in final]
                settle(self.engine, group, batch_no, [outcome(seq, cost=5) for seq in final], again)
                left = left[2:]
        finish(self.engine, group, hand_back=left)

    def sweep(self, _: random.Random) -> None:
        self.over.wait(0.02)
        with session_scope(self.engine) as session:
            self.burned_tasks += expire_leases(session).burned_tasks
        with session_scope(self.engine) as session:
            if complete_job(session, job_id=self.job.id):
                self.over.set()


def test_a_crowded_night_answers_every_task_once_within_its_budget(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        night = Night(db_engine, build_job(session, tasks=TASKS, cap=CAP))
    steps = [night.answer] * 4 + [night.route] * 2 + [night.sweep]
    with ThreadPoolExecutor(len(steps)) as pool:
        for future in [pool.submit(night.repeat, step, seed) for seed, step in enumerate(steps)]:
            future.result()
    with session_scope(db_engine) as session:
        assert complete_job(session, job_id=night.job.id)
        progress = read_progress(session, job_id=night.job.id)
        budget = read_budget(session, budget_id=night.job.budget_id)
    assert progress.outcomes + progress.requeued.get(RequeueReason.BUDGET_EXHAUSTED, 0) == TASKS
    assert night.burned_tasks > 0
    assert budget.burned == 10 * night.burned_tasks
    assert budget.reserved == 0
    assert budget.spent + budget.burned <= CAP
