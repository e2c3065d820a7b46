"""Second chances: a kept answer is its task's outcome exactly once, whatever becomes of the chance."""

import msgspec
import pytest
from sqlalchemy import Engine

from db.disbanding import disband_ready_groups
from db.errors import BatchMismatch, StaleFence
from db.expiry import expire_leases
from db.kept_answers import KeptAnswer
from db.outcome_counts import OutcomeCounts
from db.plans import commit_window
from db.session import session_scope
from db.settled_rows import SETTLEMENTS, hold_cursors, read_settled
from db.settlements import SecondChances, settle_batch
from db.states import RequeueReason
from db.training_rows import list_training_outcomes, read_rows
from tests.db.building import (
    LEAST,
    BuiltJob,
    claim,
    end_leases,
    finish,
    label,
    new_group,
    reserve,
    settle,
)
from tests.db.second_chance_building import (
    FAILURE,
    Money,
    answer_invalidly,
    answer_of,
    ask_again,
    beaten,
    build,
    claim_back,
    complete,
    counts_of,
    final,
    first,
    keep,
    money_of,
    second,
    settle_chances,
)


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
    own = [keep(msgspec.structs.replace(first(seq), cost=0, correct=1.0)) for seq in (1, 3)]
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
            twins=[msgspec.structs.replace(second(3), cost=0)],
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
    drawn = msgspec.structs.replace(first(), propensity=0.75)
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
        watched = read_settled(session, after=cursors[SETTLEMENTS], young_seconds=0, answers=10).rows
        label(session, job_id=job.id, seq=0, arm=0, source="person", correct=1.0)
    assert [(row.strategy_id, row.correct, row.cost) for row in watched] == [(job.strategy_ids[0], 0.0, 3)]
    assert learnt(db_engine, job) == ([(0, 0.0 if is_better else 1.0, 0.75)], [])  # said of the final one


def learnt(engine: Engine, job: BuiltJob) -> tuple[list[tuple[int, float, float | None]], ...]:
    """What teaches each strategy: task, grade and propensity."""
    with session_scope(engine) as session:
        keys = [list_training_outcomes(session, strategy_id=own, cutoff=None) for own in job.strategy_ids]
        rows = [read_rows(session, outcomes=own, cutoff=None) for own in keys]
    return tuple([(row.seq, row.correct, row.propensity) for row in own] for own in rows)
