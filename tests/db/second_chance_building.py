"""Jobs with second chances for tests: first answers that are invalid, and what comes after."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine

from db.budgets import read_budget
from db.groups import ClaimedGroup
from db.jobs import complete_job
from db.kept_answers import NewKept
from db.outcome_counts import OutcomeCounts, read_outcome_counts
from db.plans import commit_window
from db.promises import promise_answers
from db.results import TaskOutcome, read_results
from db.session import session_scope
from db.settlements import NewOutcome, NewRetry, SecondChances, settle_batch
from db.twins import store_twins
from db.windows import ClaimedWindow, claim_window
from tests.db.building import (
    LEASE_SECONDS,
    LEAST,
    BuiltJob,
    build_job,
    claim,
    finish,
    new_group,
    outcome,
    reserve,
    route,
)

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
