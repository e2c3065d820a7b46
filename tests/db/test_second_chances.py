"""Second chances: a kept answer is its task's outcome exactly once, whatever becomes of the chance."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from sqlalchemy import Engine, update

from db.budgets import read_budget
from db.cancelling import cancel_job, cancel_rest
from db.disbanding import disband_ready_groups
from db.errors import BatchMismatch, StaleFence
from db.expiry import expire_leases
from db.groups import ClaimedGroup, claim_group, finish_group
from db.jobs import complete_job, read_job
from db.kept_answers import KeptAnswer, NewKept, list_kept, read_kept
from db.outcome_counts import OutcomeCounts, read_outcome_counts
from db.plans import NewGroup, commit_window
from db.progress import read_progress
from db.promises import promise_answers
from db.results import TaskOutcome, read_results
from db.session import session_scope
from db.settled_rows import SETTLEMENTS, hold_cursors, read_settled
from db.settlements import NewOutcome, NewRetry, SecondChances, settle_batch
from db.states import JobState, RequeueReason
from db.tables import JobRow
from db.training_rows import list_training_outcomes, read_rows
from db.twins import store_twins
from db.windows import ClaimedWindow, claim_window
from tests.db.building import (
    LEASE_SECONDS,
    LEAST,
    WORST_CASE,
    BuiltJob,
    build_job,
    claim,
    end_leases,
    finish,
    label,
    new_group,
    outcome,
    reserve,
    route,
    settle,
)
from tests.db.test_cancelling import TASKS, CancelledNight

FAILURE = "no_answer"


def build(engine: Engine, *, tasks: int = 1, promised: bool = False, twins: dict[int, int] | None = None) -> BuiltJob:
    """A job with second chances whose tasks are all in one group of its first strategy."""
    with session_scope(engine) as session:
        job = build_job(session, tasks=tasks, second_chances=True)
        store_twins(session, job_id=job.id, leader_of=twins or {})
        if promised:
            assert promise_answers(session, job_id=job.id, least=LEAST * tasks)
        route(session, job, least=LEAST if promised else None)
    return job


def keep(answer: NewOutcome, *, score: float = 0.0) -> NewKept:
    return NewKept(answer, FAILURE, score)


def first(seq: int = 0) -> NewOutcome:
    return outcome(seq, answer="first", cost=3, correct=0.0)


def second(seq: int = 0) -> NewOutcome:
    return outcome(seq, answer="second", cost=5)


def beaten(seq: int = 0) -> NewRetry:
    return NewRetry(
        seq=seq,
        error_code="second_answer_invalid",
        error_message="",
        prompt_tokens=3,
        output_tokens=2,
        cost=5,
    )


def settle_chances(
    engine: Engine,
    group: ClaimedGroup,
    batch_no: int,
    *,
    kept: Sequence[NewKept] = (),
    twins: Sequence[NewKept] = (),
    lost: Sequence[NewRetry] = (),
) -> None:
    chances = SecondChances(kept=kept, twins=twins, beaten=lost)
    with session_scope(engine) as session:
        settle_batch(session, group_id=group.id, fence=group.fence, batch_no=batch_no, outcomes=(), chances=chances)


def answer_invalidly(engine: Engine, seqs: Sequence[int] = (0,), *, twins: Sequence[NewKept] = ()) -> None:
    """The first answers of these tasks, all of their group, are invalid."""
    group = claim(engine)
    assert group.second_chances
    settle_chances(engine, group, reserve(engine, group, seqs), kept=[keep(first(seq)) for seq in seqs], twins=twins)
    finish(engine, group)


def claim_back(engine: Engine, job: BuiltJob) -> ClaimedWindow:
    with session_scope(engine) as session:
        window = claim_window(session, job_id=job.id, size=100, owner="router", lease_seconds=LEASE_SECONDS)
    assert window is not None
    return window


def ask_again(engine: Engine, job: BuiltJob, *, least: int | None = None) -> ClaimedGroup:
    """What came back is with the job's second strategy."""
    window = claim_back(engine, job)
    with session_scope(engine) as session:
        again = new_group(job.strategy_ids[1], window.seqs, least=least)
        commit_window(session, window_id=window.id, fence=window.fence, groups=[again])
    return claim(engine)


def final(engine: Engine, job: BuiltJob, seq: int = 0) -> TaskOutcome | None:
    with session_scope(engine) as session:
        (result,) = read_results(session, job_id=job.id, seqs=[seq])
    assert result.reason is None or result.outcome is None
    return result.outcome


def answer_of(engine: Engine, job: BuiltJob, seq: int = 0) -> str:
    ended = final(engine, job, seq)
    assert ended is not None
    return ended.answer


def complete(engine: Engine, job: BuiltJob) -> bool:
    with session_scope(engine) as session:
        return complete_job(session, job_id=job.id)


def counts_of(engine: Engine, job: BuiltJob) -> OutcomeCounts:
    with session_scope(engine) as session:
        return read_outcome_counts(session, job_id=job.id)


class Money(NamedTuple):
    spent: int
    reserved: int
    kept: int | None


def money_of(engine: Engine, job: BuiltJob) -> Money:
    with session_scope(engine) as session:
        budget = read_budget(session, budget_id=job.budget_id)
    return Money(budget.spent, budget.reserved, budget.kept)


def test_an_invalid_answer_comes_back_and_says_what_is_wrong(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    assert final(db_engine, job) is None
    assert not complete(db_engine, job)
    (back,) = claim_back(db_engine, job).requeued
    assert back.reason is RequeueReason.SECOND_CHANCE
    assert back.excluded_strategy_ids == [job.strategy_ids[0]]
    assert back.kept == KeptAnswer(strategy_id=job.strategy_ids[0], failure=FAILURE, score=0.0)


def test_a_better_second_answer_is_final_and_both_are_paid(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    group = ask_again(db_engine, job)
    settle(db_engine, group, reserve(db_engine, group, [0]), [second()])
    finish(db_engine, group)
    assert answer_of(db_engine, job) == "second"
    assert complete(db_engine, job)
    assert money_of(db_engine, job).spent == 8
    assert counts_of(db_engine, job) == OutcomeCounts(outcomes=1, errors=0, graded=1, correct=1.0)


def test_the_first_answer_is_final_where_the_second_is_no_better(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    group = ask_again(db_engine, job)
    settle_chances(db_engine, group, reserve(db_engine, group, [0]), lost=[beaten()])
    finish(db_engine, group)
    ended = final(db_engine, job)
    assert ended is not None
    assert (ended.answer, ended.cost, ended.strategy_id) == ("first", 3, job.strategy_ids[0])
    assert complete(db_engine, job)
    assert money_of(db_engine, job).spent == 8
    assert counts_of(db_engine, job) == OutcomeCounts(outcomes=1, errors=0, graded=1, correct=0.0)


def test_an_answer_beats_nothing_where_nothing_was_kept(db_engine: Engine) -> None:
    build(db_engine)
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0])
    with pytest.raises(BatchMismatch, match="no first answer"):
        settle_chances(db_engine, group, batch_no, lost=[beaten()])


def test_routing_may_find_no_second_chance_worth_its_cost(db_engine: Engine) -> None:
    job = build(db_engine, tasks=2)
    answer_invalidly(db_engine, [0, 1])
    window = claim_back(db_engine, job)
    with session_scope(db_engine) as session:
        again = new_group(job.strategy_ids[1], [1])
        commit_window(session, window_id=window.id, fence=window.fence, groups=[again], kept=[0])
    assert answer_of(db_engine, job, 0) == "first"
    assert final(db_engine, job, 1) is None


def test_a_denied_second_chance_leaves_the_first_answer(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    finish(db_engine, ask_again(db_engine, job), hand_back=[0])
    assert answer_of(db_engine, job) == "first"
    assert complete(db_engine, job)


def test_no_reason_takes_the_place_of_a_kept_answer(db_engine: Engine) -> None:
    job = build(db_engine, tasks=2)
    answer_invalidly(db_engine, [0, 1])
    window = claim_back(db_engine, job)
    with session_scope(db_engine) as session:
        commit_window(session, window_id=window.id, fence=window.fence, groups=[], unserved=[0], not_eligible=[1])
    assert [answer_of(db_engine, job, seq) for seq in (0, 1)] == ["first", "first"]


def test_a_lost_worker_does_not_use_up_the_chance(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    lost = ask_again(db_engine, job)
    batch_no = reserve(db_engine, lost, [0])
    end_leases(db_engine)
    with session_scope(db_engine) as session:
        assert expire_leases(session).burned_tasks == 1
    with pytest.raises(StaleFence):
        settle_chances(db_engine, lost, batch_no, lost=[beaten()])
    group = claim(db_engine)
    settle(db_engine, group, reserve(db_engine, group, [0]), [second()])
    finish(db_engine, group)
    assert answer_of(db_engine, job) == "second"


def test_a_failed_engine_sends_it_back_with_its_answer(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    group = ask_again(db_engine, job)
    away = beaten()
    settle(db_engine, group, reserve(db_engine, group, [0]), [], [away])
    finish(db_engine, group)
    (back,) = claim_back(db_engine, job).requeued
    assert back.reason is RequeueReason.RETRY
    assert back.kept is not None
    assert back.excluded_strategy_ids == [job.strategy_ids[0]]


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


def test_a_strategy_that_is_left_alone_gives_its_second_chances_back(db_engine: Engine) -> None:
    job = build(db_engine)
    answer_invalidly(db_engine)
    window = claim_back(db_engine, job)
    with session_scope(db_engine) as session:
        again = new_group(job.strategy_ids[1], [0])
        commit_window(session, window_id=window.id, fence=window.fence, groups=[again])
        assert disband_ready_groups(session, reason=RequeueReason.RECALLED, strategy_id=job.strategy_ids[1]) == 1
    (back,) = claim_back(db_engine, job).requeued
    assert back.reason is RequeueReason.RECALLED
    assert back.kept is not None


def test_nothing_is_promised_to_a_second_chance(db_engine: Engine) -> None:
    """Task 1 waits for its first answer, and what is kept is its own."""
    job = build(db_engine, tasks=2, promised=True)
    group = claim(db_engine)
    settle_chances(db_engine, group, reserve(db_engine, group, [0]), kept=[keep(first())])
    assert money_of(db_engine, job) == Money(spent=3, reserved=0, kept=LEAST)


def test_twins_end_with_the_answer_that_their_leader_ends_with(db_engine: Engine) -> None:
    """1 repeats 0 and 3 repeats 2, graded by rules of their own; 0 stays with its first answer."""
    job = build(db_engine, tasks=4, twins={1: 0, 3: 2})
    own = [keep(first(seq)._replace(cost=0, correct=1.0)) for seq in (1, 3)]
    answer_invalidly(db_engine, [0, 2], twins=own)
    group = ask_again(db_engine, job)
    batch_no = reserve(db_engine, group, [0, 2])
    with session_scope(db_engine) as session:
        settle_batch(
            session,
            group_id=group.id,
            fence=group.fence,
            batch_no=batch_no,
            outcomes=[second(2)],
            twins=[second(3)._replace(cost=0)],
            chances=SecondChances(beaten=[beaten(0)]),
        )
    finish(db_engine, group)
    assert [answer_of(db_engine, job, seq) for seq in range(4)] == ["first", "first", "second", "second"]
    assert counts_of(db_engine, job) == OutcomeCounts(outcomes=4, errors=0, graded=4, correct=3.0)
    assert complete(db_engine, job)


@pytest.mark.parametrize("is_better", [True, False])
def test_the_first_answer_is_learnt_from_whichever_is_final(db_engine: Engine, is_better: bool) -> None:
    """A strategy whose failures are replaced would seem never to fail; the other one was asked because of them."""
    job = build(db_engine)
    with session_scope(db_engine) as session:
        cursors = hold_cursors(session)
    assert cursors is not None
    group = claim(db_engine)
    drawn = first()._replace(propensity=0.75)
    settle_chances(db_engine, group, reserve(db_engine, group, [0]), kept=[keep(drawn)])
    finish(db_engine, group)
    assert learnt(db_engine, job) == ([(0, 0.0, 0.75)], [])  # before it is known which one is final
    again = ask_again(db_engine, job)
    batch_no = reserve(db_engine, again, [0])
    if is_better:
        settle(db_engine, again, batch_no, [second()])
    else:
        settle_chances(db_engine, again, batch_no, lost=[beaten()])
    finish(db_engine, again)
    assert learnt(db_engine, job) == ([(0, 0.0, 0.75)], [])
    with session_scope(db_engine) as session:
        watched = read_settled(session, after=cursors[SETTLEMENTS], young_seconds=0, entries=10)
        label(session, job_id=job.id, seq=0, arm=0, source="person", correct=1.0)
    assert [(row.strategy_id, row.correct, row.cost) for row in watched] == [(job.strategy_ids[0], 0.0, 3)]
    assert learnt(db_engine, job) == ([(0, 0.0 if is_better else 1.0, 0.75)], [])  # said of the final one


def learnt(engine: Engine, job: BuiltJob) -> tuple[list[tuple[int, float, float | None]], ...]:
    """What teaches each strategy: task, grade and propensity."""
    with session_scope(engine) as session:
        keys = [list_training_outcomes(session, strategy_id=own, cutoff=None) for own in job.strategy_ids]
        rows = [read_rows(session, outcomes=own, cutoff=None) for own in keys]
    return tuple([(row.seq, row.correct, row.propensity) for row in own] for own in rows)


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
