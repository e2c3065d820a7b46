"""Jobs: created, read, completed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from db.arrays import among
from db.errors import NoSuchRow
from db.outcome_counts import read_outcome_counts
from db.promises import begin_anew
from db.states import FINAL_REASONS, FINAL_STATES, GroupState, JobKind, JobState, WindowState
from db.tables import GroupRow, JobRow, RequeueRow, WindowRow


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it stands."""

    id: int
    tenant_id: str
    kind: JobKind
    state: JobState
    objective: Mapping[str, Any]
    budget_id: int
    task_count: int
    cursor_seq: int  # tasks before it were cut into windows
    strategy_ids: Sequence[int]
    encoder: str
    meta: Mapping[str, Any]
    submitted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    priority: int  # higher goes first
    deadline: datetime | None
    paused: bool
    promised: bool  # whether its budget keeps free what its waiting tasks need at least
    twins: int  # tasks that are answered by an identical one
    continues_job_id: int | None
    second_chances: bool  # whether tasks with invalid answers may be asked once more

    @property
    def arms(self) -> Sequence[int]:
        """The arms in which every task is answered once: a run has one, other jobs one for each strategy."""
        return [0] if self.kind is JobKind.RUN else self.strategy_ids


_COLUMNS = [getattr(JobRow, name) for name in Job.__dataclass_fields__]


def create_job(
    session: Session,
    *,
    tenant_id: str,
    kind: JobKind,
    objective: Mapping[str, Any],
    budget_id: int,
    strategy_ids: Sequence[int],
    encoder: str,
    meta: Mapping[str, Any],
    priority: int = 0,
    deadline: datetime | None = None,
    continues_job_id: int | None = None,
    second_chances: bool = False,
) -> int:
    """The id of a new job without tasks; `db.tasks.copy_tasks` adds them."""
    row = insert(JobRow).values(
        tenant_id=tenant_id,
        kind=kind,
        state=JobState.SUBMITTED,
        objective=dict(objective),
        budget_id=budget_id,
        strategy_ids=list(strategy_ids),
        encoder=encoder,
        meta=dict(meta),
        priority=priority,
        deadline=deadline,
        continues_job_id=continues_job_id,
        second_chances=second_chances,
    )
    return session.execute(row.returning(JobRow.id)).scalar_one()


def read_job(session: Session, *, job_id: int) -> Job:
    """The job as it stands; NoSuchRow when there is none."""
    return _read(session, job_id=job_id, lock=False)


def store_outline(session: Session, *, job_id: int, outline: bytes | None) -> None:
    """Keep where the job's tasks lie, if it is known."""
    if outline is not None:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(outline=outline))


def read_outlines(session: Session, *, job_ids: Sequence[int]) -> dict[int, bytes]:
    """Where the tasks lie of those of these jobs of which it is known."""
    query = select(JobRow.id, JobRow.outline).where(among(JobRow.id, job_ids), JobRow.outline.is_not(None))
    return {row.id: row.outline for row in session.execute(query)}


def lock_job(session: Session, *, job_id: int) -> Job:
    """The job, held against other changes until the caller commits; inserts of its groups and outcomes go on."""
    return _read(session, job_id=job_id, lock=True)


def update_meta(session: Session, *, job_id: int, meta: Mapping[str, Any]) -> None:
    """Set these top-level keys of the job's meta; the others stay."""
    merged = JobRow.meta.op("||", return_type=JSONB)(dict(meta))
    session.execute(update(JobRow).where(JobRow.id == job_id).values(meta=merged))


def set_paused(session: Session, *, job_id: int, paused: bool) -> None:
    """Let nothing new of the job be started from now on, or everything again."""
    session.execute(update(JobRow).where(JobRow.id == job_id).values(paused=paused))


def complete_job(session: Session, *, job_id: int) -> bool:
    """Whether the job has come to its end: every task has an outcome, or a final reason for having none."""
    job = lock_job(session, job_id=job_id)
    if job.state in FINAL_STATES:
        return True
    if job.state is JobState.CANCELLING and job.cursor_seq < job.task_count:
        return False  # before anything is counted: it has many more pieces to give up
    if _has_open_work(session, job_id=job_id) or _count_answered(session, job_id=job_id) < job.task_count * len(
        job.arms
    ):
        return False
    state = JobState.CANCELLED if job.state is JobState.CANCELLING else JobState.COMPLETED
    done = update(JobRow).where(JobRow.id == job_id)
    session.execute(done.values(state=state, finished_at=func.clock_timestamp()))
    begin_anew(session, budget_id=job.budget_id)
    return True


def _has_open_work(session: Session, *, job_id: int) -> bool:
    """The cheap half of the question, from partial indexes: no count of outcomes while anything is under way."""
    group = exists().where(GroupRow.job_id == job_id, GroupRow.state != GroupState.DONE)
    window = exists().where(WindowRow.job_id == job_id, WindowRow.state != WindowState.ROUTED)
    return session.execute(select(group | window)).scalar_one()


def _count_answered(session: Session, *, job_id: int) -> int:
    outcomes = read_outcome_counts(session, job_id=job_id).outcomes
    reasons = select(func.count()).select_from(RequeueRow).where(RequeueRow.job_id == job_id)
    reasons = reasons.where(RequeueRow.routed_at.is_(None), RequeueRow.reason.in_(FINAL_REASONS))
    return outcomes + session.execute(reasons).scalar_one()


def _read(session: Session, *, job_id: int, lock: bool) -> Job:
    query = select(*_COLUMNS).where(JobRow.id == job_id)
    if lock:  # NO KEY UPDATE, since foreign keys of running groups and outcomes lock the job's key
        query = query.with_for_update(key_share=True)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NoSuchRow(table="job", row_id=job_id)
    return Job(**row._mapping)
