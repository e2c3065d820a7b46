"""What is in no group yet though its money is to be planned: tasks of a job, and the jobs that share a budget."""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.jobs import Job, read_job
from db.states import JobKind, JobState
from db.tables import JobRow, TwinRow

_LIST = text("""
    SELECT unnest(seqs) AS seq FROM task_window
    WHERE job_id = :job_id AND state <> 'routed' AND id <> :but_window_id
    UNION ALL
    SELECT seq FROM requeue
    WHERE job_id = :job_id AND window_id IS NULL AND reason IN ('denied', 'retry', 'recalled') AND routed_at IS NULL
    ORDER BY seq
""")


def list_unrouted(session: Session, *, job_id: int, but_window_id: int | None = None) -> list[int]:
    """The tasks of windows that others hold or have lost, and those that wait to be routed again, ascending.

    Second chances that wait are not among them: whether they will cost anything is open. Only of a run, in which a task
    waits once. The tasks from the cursor on are unrouted as well.
    """
    return list(session.execute(_LIST, {"job_id": job_id, "but_window_id": but_window_id or 0}).scalars())


def list_twin_seqs(session: Session, *, job_id: int) -> list[int]:
    """The tasks that are answered by an identical one, and are never routed, ascending."""
    query = select(TwinRow.seq).where(TwinRow.job_id == job_id).order_by(TwinRow.seq)
    return list(session.execute(query).scalars())


def list_sharing_jobs(session: Session, *, job_id: int) -> list[Job]:
    """The other open runs that draw on the budget of this job, the earliest first: paused too, not cancelled."""
    budget_id = select(JobRow.budget_id).where(JobRow.id == job_id).scalar_subquery()
    sharing = (JobRow.budget_id == budget_id, JobRow.finished_at.is_(None), JobRow.kind == JobKind.RUN)
    query = select(JobRow.id).where(*sharing, JobRow.state != JobState.CANCELLING, JobRow.id != job_id)
    return [read_job(session, job_id=sharing_id) for sharing_id in session.execute(query.order_by(JobRow.id)).scalars()]


def count_arrived(session: Session, *, budget_id: int) -> int:
    """The tasks of all runs that draw or drew on a budget."""
    total = select(func.coalesce(func.sum(JobRow.task_count), 0))
    return session.execute(total.where(JobRow.budget_id == budget_id, JobRow.kind == JobKind.RUN)).scalar_one()


def list_latest_arrivals(session: Session, *, budget_id: int, limit: int) -> list[Job]:
    """Those runs, ended ones too, the latest first."""
    query = select(JobRow.id).where(JobRow.budget_id == budget_id, JobRow.kind == JobKind.RUN)
    latest = session.execute(query.order_by(JobRow.id.desc()).limit(limit)).scalars().all()
    return [read_job(session, job_id=job_id) for job_id in latest]
