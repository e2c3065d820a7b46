"""What reports and training read: results, progress, spending, training rows."""

import msgspec
import pytest
from sqlalchemy import Engine

from db.jobs import complete_job, read_job, update_meta
from db.outcome_rows import RequestUsage
from db.outcomes import import_recording
from db.plans import commit_window
from db.progress import SpendPoint, read_predicted_in_flight, read_progress, read_spending
from db.results import iterate_results
from db.session import session_scope
from db.settlements import NewOutcome
from db.states import GroupState, JobKind, JobState, OutcomeSource, RequeueReason
from db.strategies import register_strategy
from db.training_rows import read_graded_rows
from db.windows import claim_window
from tests.db.building import (
    LEASE_SECONDS,
    TENANT,
    BuiltJob,
    build_claimed,
    build_job,
    claim,
    finish,
    label,
    new_group,
    outcome,
    reserve,
    retry,
    route,
    settle,
)


def refuse(seq: int) -> NewOutcome:
    """A final answer that is an error."""
    return NewOutcome(
        seq=seq,
        answer="",
        prompt_tokens=0,
        output_tokens=0,
        cost=0,
        texts=(),
        finish_reasons=(),
        error_code="prompt_refused",
        error_message="too long",
    )


def run_part_of_a_job(engine: Engine) -> BuiltJob:
    """Task 0 right, 1 refused, 2 to be tried again, 3 in a ready group, 4 beyond the budget."""
    with session_scope(engine) as session:
        job = build_job(session, tasks=5)
        window = claim_window(session, job_id=job.id, size=5, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
        groups = [new_group(job.strategy_ids[0], [0, 1, 2]), new_group(job.strategy_ids[1], [3])]
        commit_window(session, window_id=window.id, fence=window.fence, groups=groups, unserved=[4], shadow_price=0.25)
    group = claim(engine)
    batch_no = reserve(engine, group, [0, 1, 2])
    settle(
        engine,
        group,
        batch_no,
        [msgspec.structs.replace(outcome(0, cost=4), cached_prompt_tokens=2), refuse(1)],
        [retry(2, cost=3)],
    )
    finish(engine, group)
    return job


def test_results_tell_what_became_of_every_task(db_engine: Engine) -> None:
    job = run_part_of_a_job(db_engine)
    with session_scope(db_engine) as session:
        results = list(iterate_results(session, job_id=job.id))
    assert [(result.seq, result.custom_id, result.arm) for result in results] == [(n, f"t{n}", 0) for n in range(5)]
    right, refused, waiting, routed, exhausted = results
    assert right.outcome is not None
    assert (right.outcome.answer, right.outcome.cost, right.outcome.shadow_price) == ("42", 4, 0.25)
    assert (right.outcome.prompt_tokens, right.outcome.cached_prompt_tokens) == (3, 2)
    assert right.outcome.response == {"texts": ["42"], "finish_reasons": ["stop"]}
    assert right.reason is None
    assert refused.outcome is not None
    assert (refused.outcome.error_code, refused.outcome.correct) == ("prompt_refused", None)
    assert (waiting.outcome, waiting.reason) == (None, RequeueReason.RETRY)
    assert (routed.outcome, routed.reason) == (None, None)
    assert (exhausted.outcome, exhausted.reason) == (None, RequeueReason.BUDGET_EXHAUSTED)


def test_progress_counts_tasks_groups_and_money(db_engine: Engine) -> None:
    job = run_part_of_a_job(db_engine)
    reserve(db_engine, claim(db_engine), [3], [9])
    with session_scope(db_engine) as session:
        progress = read_progress(session, job_id=job.id)
    assert (progress.answers_needed, progress.outcomes, progress.errors) == (5, 2, 1)
    assert (progress.graded, progress.correct) == (1, 1.0)
    assert progress.requeued == {RequeueReason.RETRY: 1, RequeueReason.BUDGET_EXHAUSTED: 1}
    assert progress.groups == {GroupState.READY: 0, GroupState.CLAIMED: 1, GroupState.DONE: 1}
    assert (progress.reserved, progress.spent, progress.burned, progress.overrun) == (9, 7, 0, 0)


def test_an_untouched_job_has_progress_too(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        progress = read_progress(session, job_id=job.id)
        assert read_predicted_in_flight(session, budget_id=job.budget_id) == 0
    assert (progress.outcomes, progress.correct, progress.spent) == (0, 0.0, 0)


def test_spending_is_told_entry_by_entry(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    settle(db_engine, group, reserve(db_engine, group, [0], [10]), [outcome(0, cost=4)])
    with session_scope(db_engine) as session:
        points = read_spending(session, job_id=job.id)
    assert [(point.reserved, point.spent, point.burned) for point in points] == [(10, 0, 0), (6, 4, 0), (0, 4, 0)]
    assert points == sorted(points, key=lambda point: point.at)
    assert all(isinstance(point, SpendPoint) for point in points)


def test_the_prediction_in_flight_shrinks_with_every_settlement(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4)  # predicted at half of 10 each
    with session_scope(db_engine) as session:
        assert read_predicted_in_flight(session, budget_id=job.budget_id) == 20
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0)])
    with session_scope(db_engine) as session:
        assert read_predicted_in_flight(session, budget_id=job.budget_id) == 15


def test_a_job_is_completed_only_when_every_task_is_accounted_for(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=3)
        route(session, job, size=2)
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [0, 1])
    answers: list[bool] = []

    def ask() -> None:
        with session_scope(db_engine) as session:
            answers.append(complete_job(session, job_id=job.id))

    ask()  # a group is claimed
    settle(db_engine, group, batch_no, [outcome(0), outcome(1)])
    ask()  # answered, but not finished
    finish(db_engine, group)
    ask()  # task 2 was never cut
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=job.id, size=9, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
    ask()  # a window is claimed
    with session_scope(db_engine) as session:
        commit_window(session, window_id=window.id, fence=window.fence, groups=[], unserved=[2])
    ask()
    ask()
    assert answers == [False, False, False, False, True, True]
    with session_scope(db_engine) as session:
        stored = read_job(session, job_id=job.id)
        assert stored.state is JobState.COMPLETED
        assert stored.finished_at is not None
        assert claim_window(session, job_id=job.id, size=9, owner="router", lease_seconds=LEASE_SECONDS) is None


def test_meta_is_merged_key_by_key(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=0)
        update_meta(session, job_id=job.id, meta={"engine": {"kind": "vllm"}, "out": "a"})
        update_meta(session, job_id=job.id, meta={"out": "b"})
        assert read_job(session, job_id=job.id).meta == {"engine": {"kind": "vllm"}, "out": "b"}


def test_an_imported_recording_completes_a_calibration_and_trains_later_versions(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2, kind=JobKind.CALIBRATION)
        for strategy_id in job.strategy_ids:
            recorded = [outcome(0, correct=1.0), outcome(1, correct=None)]
            assert import_recording(session, job_id=job.id, strategy_id=strategy_id, outcomes=recorded) == 2
        assert complete_job(session, job_id=job.id)
        dearer = register_strategy(
            session, tenant_id=TENANT, name="s0", spec_hash="hash0", spec={}, tariff={"FLOPs": "2/1"}
        )
        (row,) = read_graded_rows(session, strategy_id=dearer.id)
        results = list(iterate_results(session, job_id=job.id))
        progress = read_progress(session, job_id=job.id)
    assert (row.seq, row.correct, row.output_tokens, row.source) == (0, 1.0, 2, OutcomeSource.RECORDING)
    assert [(result.seq, result.arm) for result in results] == [(n, arm) for n in range(2) for arm in job.strategy_ids]
    assert (progress.answers_needed, progress.outcomes, progress.spent) == (4, 4, 0)


def test_a_recording_does_not_answer_a_run(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=1)
        with pytest.raises(ValueError, match="a recording belongs in a calibration job"):
            import_recording(session, job_id=job.id, strategy_id=job.strategy_ids[0], outcomes=[outcome(0)])


def test_the_newest_label_wins_over_the_grader(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2, kind=JobKind.CALIBRATION)
        arm = job.strategy_ids[0]
        recorded = [outcome(0), outcome(1, correct=None)]
        import_recording(session, job_id=job.id, strategy_id=arm, outcomes=recorded)
        for correct in (0.5, 0.0):
            label(session, job_id=job.id, seq=0, arm=arm, source="person", correct=correct)
        label(session, job_id=job.id, seq=1, arm=arm, source="judge", correct=1.0)
        rows = read_graded_rows(session, strategy_id=arm)
    assert [(row.seq, row.correct) for row in rows] == [(0, 0.0), (1, 1.0)]


def test_what_a_run_chose_to_ask_is_not_learnt_from(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=1)
    settle(db_engine, group, reserve(db_engine, group, [0]), [outcome(0, correct=1.0)])
    with session_scope(db_engine) as session:
        assert read_graded_rows(session, strategy_id=job.strategy_ids[0]) == []


def test_what_each_of_several_requests_used_is_kept_and_told_apart(db_engine: Engine) -> None:
    uses = [RequestUsage(3, 20, 6), RequestUsage(2, 25, 4)]
    several = msgspec.structs.replace(
        outcome(0), texts=tuple("abcab"), prompt_tokens=45, output_tokens=10, requests=uses
    )
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2, kind=JobKind.CALIBRATION)
        arm = job.strategy_ids[0]
        import_recording(session, job_id=job.id, strategy_id=arm, outcomes=[several, outcome(1)])
        rows = read_graded_rows(session, strategy_id=arm)
        results = list(iterate_results(session, job_id=job.id))
    assert [(row.prompt_tokens, row.later_prompt_tokens) for row in rows] == [(45, 25), (3, 0)]
    assert results[0].outcome is not None
    assert results[0].outcome.response["requests"] == [use._asdict() for use in uses]
