"""Jobs with second chances that are cancelled, also in the middle of everything: no answer is lost."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sqlalchemy import Engine, update

from db.cancelling import cancel_job, cancel_rest
from db.expiry import expire_leases
from db.groups import ClaimedGroup, claim_group, finish_group
from db.jobs import read_job
from db.kept_answers import list_kept, read_kept
from db.plans import NewGroup, commit_window
from db.progress import read_progress
from db.results import read_results
from db.session import session_scope
from db.settlements import SecondChances, settle_batch
from db.states import JobState, RequeueReason
from db.tables import JobRow
from db.windows import claim_window
from tests.db.building import (
    LEAST,
    WORST_CASE,
    BuiltJob,
    claim,
    end_leases,
    finish,
    reserve,
    settle,
)
from tests.db.second_chance_building import (
    answer_invalidly,
    answer_of,
    ask_again,
    beaten,
    build,
    claim_back,
    first,
    keep,
    money_of,
    second,
    settle_chances,
)
from tests.db.test_cancelling import TASKS, CancelledNight


def cancel(engine: Engine, job: BuiltJob, *, least: int = 0) -> bool:
    with session_scope(engine) as session:
        tasks = read_job(session, job_id=job.id).task_count
        return cancel_job(session, job_id=job.id, least=np.full(tasks, float(least)) if least else None)


@pytest.mark.parametrize("place", ["waiting", "window", "group", "failed"])
def test_a_cancelled_job_ends_with_the_first_answers(db_engine: Engine, place: str) -> None:
    """Wherever the second chance is; what was promised to the others is free again."""
    job = build(db_engine, tasks=2, promised=True)
    answer_invalidly(db_engine, [0, 1])
    if place == "window":
        claim_back(db_engine, job)
    if place in ("group", "failed"):
        group = ask_again(db_engine, job, least=0)
        if place == "failed":
            settle(db_engine, group, reserve(db_engine, group, [0, 1]), [], [beaten(0), beaten(1)])
            finish(db_engine, group)
        else:
            with session_scope(db_engine) as session:
                assert not cancel_rest(session, job_id=job.id)
            end_leases(db_engine)
            with session_scope(db_engine) as session:
                expire_leases(session)
    assert cancel(db_engine, job, least=LEAST)
    assert [answer_of(db_engine, job, seq) for seq in (0, 1)] == ["first", "first"]
    with session_scope(db_engine) as session:
        assert read_job(session, job_id=job.id).state is JobState.CANCELLED
        assert read_progress(session, job_id=job.id).requeued == {}
    assert money_of(db_engine, job)[1:] == (0, 0)


def test_what_runs_when_its_job_is_cancelled_is_settled(db_engine: Engine) -> None:
    """First answers that come in after it was cancelled get no second chance."""
    job = build(db_engine, tasks=2, promised=True)
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0, 1])
    assert not cancel(db_engine, job, least=LEAST)
    settle_chances(db_engine, group, batch_no, kept=[keep(first(0)), keep(first(1))])
    finish(db_engine, group)
    with session_scope(db_engine) as session:
        assert cancel_rest(session, job_id=job.id)
    assert [answer_of(db_engine, job, seq) for seq in (0, 1)] == ["first", "first"]


class SecondChanceNight(CancelledNight):
    """The same crowd on a job with second chances, whose answers are often invalid."""

    def __init__(self, engine: Engine, seed: int) -> None:
        super().__init__(engine, seed)
        with session_scope(engine) as session:
            session.execute(update(JobRow).where(JobRow.id == self.job.id).values(second_chances=True))

    def route(self) -> None:
        with session_scope(self.engine) as session:
            window = claim_window(session, job_id=self.job.id, size=7, owner="router", lease_seconds=0.3)
        if window is None:
            self.over.wait(0.005)
            return
        offered = {task.seq for task in window.requeued if task.kept is not None}
        ended = [seq for seq in sorted(offered) if self.chance.random() < 0.3]
        routed = [seq for seq in window.seqs if seq not in ended]
        groups = [
            NewGroup(
                strategy_id=strategy_id,
                seqs=seqs,
                amounts=[WORST_CASE] * len(seqs),
                least=[0 if seq in offered else LEAST for seq in seqs],
                predicted_cost=1,
            )
            for strategy_id, seqs in zip(self.job.strategy_ids, (routed[::2], routed[1::2]), strict=True)
            if seqs
        ]
        with session_scope(self.engine) as session:
            commit_window(session, window_id=window.id, fence=window.fence, groups=groups, kept=ended)

    def settle(self, group: ClaimedGroup, seqs: Sequence[int]) -> None:
        with session_scope(self.engine) as session:
            before = read_kept(session, job_id=self.job.id, seqs=seqs)
        batch_no = reserve(self.engine, group, seqs)
        invalid = [seq for seq in seqs if self.chance.random() < 0.5]
        chances = SecondChances(
            kept=[keep(first(seq)) for seq in invalid if seq not in before],
            beaten=[beaten(seq) for seq in invalid if seq in before],
        )
        with session_scope(self.engine) as session:
            settle_batch(
                session,
                group_id=group.id,
                fence=group.fence,
                batch_no=batch_no,
                outcomes=[second(seq) for seq in seqs if seq not in invalid],
                chances=chances,
            )

    def answer(self) -> None:
        with session_scope(self.engine) as session:
            group = claim_group(session, owner="worker", lease_seconds=0.3, job_id=self.job.id)
        if group is None:
            self.over.wait(0.005)
            return
        left = list(group.seqs)
        while left and self.chance.random() < 0.9:
            self.settle(group, left[:2])
            self.settled.release()
            left = left[2:]
        with session_scope(self.engine) as session:
            finish_group(session, group_id=group.id, fence=group.fence, hand_back=left, delay_seconds=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_no_answer_is_lost_in_a_crowd(db_engine: Engine, seed: int) -> None:
    """Whatever the order of things, a task with an answer of any kind has an outcome in the end; nobody deadlocks."""
    night = SecondChanceNight(db_engine, seed)
    steps = ["answer"] * 4 + ["route"] * 2 + ["sweep", "cancel"]
    with ThreadPoolExecutor(len(steps)) as pool:
        for future in [pool.submit(night.repeat, step) for step in steps]:
            future.result()
    with session_scope(db_engine) as session:
        progress = read_progress(session, job_id=night.job.id)
        kept = list_kept(session, job_id=night.job.id, seqs=range(TASKS))
        answered = {own.seq for own in read_results(session, job_id=night.job.id, seqs=range(TASKS)) if own.outcome}
    assert kept
    assert kept <= answered
    assert progress.outcomes + progress.requeued[RequeueReason.CANCELLED] == TASKS
    assert money_of(db_engine, night.job)[1:] == (0, 0)
