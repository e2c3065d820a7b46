"""Tasks that are in no group yet, though the cursor has passed them."""

from sqlalchemy import Engine, func, update

from db.plans import commit_window
from db.session import session_scope
from db.states import JobKind, JobState
from db.tables import JobRow
from db.twins import store_twins
from db.unrouted import list_sharing_jobs, list_twin_seqs, list_unrouted
from db.windows import claim_window, return_window
from tests.db.building import LEASE_SECONDS, BuiltJob, build_job, claim, finish, reserve, retry, route, settle


def read(engine: Engine, job: BuiltJob, *, but: int | None = None) -> list[int]:
    with session_scope(engine) as session:
        return list_unrouted(session, job_id=job.id, but_window_id=but)


def test_windows_of_other_routers_are_unrouted_until_they_are_committed(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job, foreign = build_job(session, tasks=9), build_job(session, tasks=3)
        route(session, job, size=2)
        claim_window(session, job_id=foreign.id, size=3, owner="else", lease_seconds=LEASE_SECONDS)
        held, lost = (
            claim_window(session, job_id=job.id, size=3, owner="other", lease_seconds=LEASE_SECONDS) for _ in range(2)
        )
        assert held is not None
        assert lost is not None
        return_window(session, window_id=lost.id, fence=lost.fence)
    assert read(db_engine, job) == [2, 3, 4, 5, 6, 7]
    assert read(db_engine, job, but=held.id) == [5, 6, 7]


def test_tasks_that_came_back_are_unrouted_until_a_window_takes_them(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=5)
        route(session, job)
    group = claim(db_engine)
    batch_no = reserve(db_engine, group, [1, 2])
    settle(db_engine, group, batch_no, outcomes=[], retries=[retry(1), retry(2, delay_seconds=1000.0)])
    finish(db_engine, group, hand_back=[0, 3, 4])
    assert read(db_engine, job) == [0, 1, 2, 3, 4]
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=job.id, size=4, owner="router", lease_seconds=LEASE_SECONDS)
    assert window is not None
    assert list(window.seqs) == [0, 1, 3, 4]
    assert read(db_engine, job) == [0, 1, 2, 3, 4]
    assert read(db_engine, job, but=window.id) == [2]


def test_final_reasons_wait_for_nothing(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job = build_job(session, tasks=2)
        window = claim_window(session, job_id=job.id, size=2, owner="router", lease_seconds=LEASE_SECONDS)
        assert window is not None
        commit_window(session, window_id=window.id, fence=window.fence, groups=[], unserved=[0], not_eligible=[1])
    assert read(db_engine, job) == []


def test_twins_are_listed(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job, other = build_job(session, tasks=5), build_job(session, tasks=5)
        store_twins(session, job_id=job.id, leader_of={4: 0, 2: 1})
        assert list_twin_seqs(session, job_id=job.id) == [2, 4]
        assert list_twin_seqs(session, job_id=other.id) == []


def test_open_runs_share_a_budget(db_engine: Engine) -> None:
    with session_scope(db_engine) as session:
        job, other, foreign = (build_job(session, tasks=1) for _ in range(3))
        calibration, ended = build_job(session, tasks=1, kind=JobKind.CALIBRATION), build_job(session, tasks=0)
        for sharing in (other, calibration, ended):
            session.execute(update(JobRow).where(JobRow.id == sharing.id).values(budget_id=job.budget_id))
        over = {"state": JobState.CANCELLED, "finished_at": func.clock_timestamp()}
        session.execute(update(JobRow).where(JobRow.id == ended.id).values(over))
        assert [sharing.id for sharing in list_sharing_jobs(session, job_id=job.id)] == [other.id]
        assert list_sharing_jobs(session, job_id=foreign.id) == []
