"""What the dashboard reads: samples, counts and sums whose cost does not grow with a job."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine

from db.attempts import list_attempts
from db.budget_list import list_budgets, list_entries, list_jobs_on
from db.group_counts import count_groups
from db.job_samples import RUN_TASKS, sample_run
from db.jobs import read_job
from db.predictions import PredictionBlock, Predictions, store_prediction_block
from db.predictor_history import list_predictor_versions
from db.predictors import promote, store_champion
from db.progress import read_progress
from db.results import iterate_results, read_results
from db.session import session_scope
from db.spending_points import SpendMoment, find_last_entry, read_spending_points
from db.states import EntryKind, PredictorState
from db.strategies import list_latest_strategies, register_strategy
from db.task_places import find_failed_tasks, find_task
from db.waiting_groups import list_waiting_strategies
from tests.db.building import TENANT, build_claimed, build_job, finish, outcome, reserve, retry, route, settle
from tests.db.test_reading import refuse


def store_blocks(engine: Engine, job_id: int, *, tasks: int, strategies: int, block_tasks: int) -> Predictions:
    """Predictions that are all different, in blocks."""
    cells = np.arange(tasks * strategies, dtype=np.float64).reshape(tasks, strategies)
    whole = Predictions(
        accuracy=(cells / 1e6).astype(np.float32),
        cost=cells + 1,
        worst_cost=cells + 2,
        prompt_tokens=cells.astype(np.int32),
    )
    with session_scope(engine) as session:
        for lo in range(0, tasks, block_tasks):
            hi = min(lo + block_tasks, tasks)
            own = {name: getattr(whole, name)[lo:hi] for name in ("accuracy", "cost", "worst_cost", "prompt_tokens")}
            block = PredictionBlock(lo=lo, hi=hi, predictor_version_ids=[], predictions=Predictions(**own))
            store_prediction_block(session, job_id=job_id, block=block)
    return whole


@pytest.mark.parametrize("runs", [1, 3, 64])
def test_a_sample_is_spread_over_the_job_and_reads_what_was_stored(db_engine: Engine, runs: int) -> None:
    tasks, block_tasks = 500, 96  # runs of 32 end with the blocks; the last one with the job
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=tasks)
    strategies = len(job.strategy_ids)
    stored = store_blocks(db_engine, job.id, tasks=tasks, strategies=strategies, block_tasks=block_tasks)
    with session_scope(db_engine) as session:
        sample = sample_run(session, job=read_job(session, job_id=job.id), runs=runs)
    cells = min(runs, -(-tasks // RUN_TASKS))
    assert len(np.unique(sample.seq)) == len(sample.seq) <= cells * RUN_TASKS
    if runs == 64:
        assert sample.seq.tolist() == list(range(tasks))
    if runs == 3:
        assert sample.seq[0] == 0
        assert sample.seq[-1] == tasks - 1
    assert np.array_equal(sample.accuracy, stored.accuracy[sample.seq].astype(np.float64))
    assert np.array_equal(sample.cost, stored.cost[sample.seq])
    assert (sample.choice == -1).all()
    assert (sample.alike == 1).all()


def test_counts_sums_and_places_agree_with_what_is_read_task_by_task(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=6)
    batch = reserve(db_engine, group, range(6))
    ended = [outcome(0), outcome(1, correct=0.0), outcome(2, correct=None), refuse(3), outcome(4)]
    settle(db_engine, group, batch, [*ended], [retry(5)])
    finish(db_engine, group)
    with session_scope(db_engine) as session:
        counted = count_groups(session, job_id=job.id)
        progress = read_progress(session, job_id=job.id)
        results = list(iterate_results(session, job_id=job.id))
        now = datetime.now(UTC)
        start = SpendMoment(at=now - timedelta(hours=1))
        moments = read_spending_points(session, job_id=job.id, before=start, until=now, points=7)
        assert sum(count.answered for count in counted) == progress.outcomes == 5
        assert sum(count.errors for count in counted) == 1
        assert sum(count.correct for count in counted) == 2.0
        assert (moments[-1].spent, moments[-1].reserved, moments[-1].burned) == (
            progress.spent,
            progress.reserved,
            progress.burned,
        )
        assert find_failed_tasks(session, job_id=job.id, limit=10) == [3]
        assert read_results(session, job_id=job.id, seqs=[4, 1, 99]) == [results[1], results[4]]
        assert find_task(session, job_id=job.id, custom_id=results[2].custom_id) == 2
        assert find_task(session, job_id=job.id, custom_id="nobody") is None
        (attempt,) = list_attempts(session, job_id=job.id, seq=5)
        assert attempt.strategy_id == job.strategy_ids[0]
        assert list_attempts(session, job_id=job.id, seq=0) == []


def test_a_budget_lists_its_entries_and_jobs(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=2)
    settle(db_engine, group, reserve(db_engine, group, range(2)), [outcome(0), outcome(1)])
    finish(db_engine, group)
    with session_scope(db_engine) as session:
        (budget,) = list_budgets(session, tenant_id=TENANT, shared=False, limit=10)
        assert list_budgets(session, tenant_id="other", shared=False, limit=10) == []
        assert list_jobs_on(session, budget_ids=[budget.id], limit=5) == {budget.id: [job.id]}
        entries = list_entries(session, budget_id=budget.id, before=None, limit=10)
        assert [entry.kind for entry in reversed(entries)][:3] == [EntryKind.RAISE, EntryKind.RESERVE, EntryKind.SETTLE]
        assert sum(entry.spent_delta for entry in entries) == budget.spent
        assert list_entries(session, budget_id=budget.id, before=entries[0].id, limit=10) == entries[1:]


def test_the_latest_strategies_and_every_predictor_are_listed(db_engine: Engine) -> None:
    spec = {"engine": "e", "model": "m", "decoding": {}}
    with session_scope(db_engine) as session:
        for tariff in ({"version": 1}, {"version": 2}):
            latest = register_strategy(
                session, tenant_id=TENANT, name="small", spec_hash="same", spec=spec, tariff=tariff
            )
        register_strategy(session, tenant_id="other", name="theirs", spec_hash="same", spec=spec, tariff={})
        for number in (1, 2):
            store_champion(session, strategy_id=latest.id, encoder="one", artefact=b"weights", meta={"number": number})
        assert [(found.name, found.version) for found in list_latest_strategies(session, tenant_id=TENANT)] == [
            ("small", 2)
        ]
        versions = list_predictor_versions(session, tenant_id=TENANT, spec_hash="same", limit=10)
        assert [(version.version, version.state) for version in versions] == [
            (2, PredictorState.CHAMPION),
            (1, PredictorState.RETIRED),
        ]
        newest, oldest = versions
        assert oldest.crowned_at is not None
        assert oldest.retired_at is not None
        assert newest.crowned_at is not None
        assert oldest.crowned_at < oldest.retired_at <= newest.crowned_at
        assert newest.retired_at is None
        promote(session, tenant_id=TENANT, predictor_id=oldest.id)
        newest, oldest = list_predictor_versions(session, tenant_id=TENANT, spec_hash="same", limit=10)
        assert newest.retired_at is not None
        assert oldest.crowned_at is not None
        assert newest.retired_at <= oldest.crowned_at
        assert oldest.retired_at is None
        assert list_predictor_versions(session, tenant_id="other", spec_hash="same", limit=10) == []


def test_groups_that_wait_are_counted_for_a_tenant_or_for_all(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        for tenant_id, groups in ((TENANT, 1), ("other", 2)):
            route(session, build_job(session, tasks=2, tenant_id=tenant_id), group_size=2 // groups)
        counts = {
            whose: list_waiting_strategies(session, tenant_id=whose) for whose in (TENANT, "other", "third", None)
        }
    counted = {whose: [(one.name, one.groups) for one in waiting] for whose, waiting in counts.items()}
    assert counted == {TENANT: [("s0", 1)], "other": [("s0", 2)], "third": [], None: [("s0", 3)]}


def test_spending_is_read_on_from_an_entry(db_engine: Engine) -> None:
    job, group = build_claimed(db_engine, tasks=4)
    start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    for seqs in ((0, 1), (2, 3)):
        settle(db_engine, group, reserve(db_engine, group, seqs), [outcome(seq) for seq in seqs])
    finish(db_engine, group)
    with session_scope(db_engine) as session:
        last = find_last_entry(session, job_id=job.id, until=end)
        assert find_last_entry(session, job_id=job.id, until=start) == 0
        whole = read_spending_points(session, job_id=job.id, before=SpendMoment(at=start), until=end, points=3)
        for through in range(last):
            first = read_spending_points(
                session, job_id=job.id, before=SpendMoment(at=start), until=end, points=3, through=through
            )
            before = first[-1] if first else SpendMoment(at=start)
            rest = read_spending_points(session, job_id=job.id, before=before, until=end, points=3, after=through)
            reached, wanted = rest[-1], whole[-1]
            assert (reached.spent, reached.reserved) == (wanted.spent, wanted.reserved) == (16, 0)
