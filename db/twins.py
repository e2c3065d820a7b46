"""Twins: tasks that are identical to an earlier one of their job, and share its answer."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.arrays import among
from db.jobs import read_job
from db.tables import JobRow, TaskRow, TwinRow


class Twin(NamedTuple):
    """A task as it was stored, and the one whose answer it shares."""

    seq: int
    leader_seq: int
    payload: str


def store_twins(session: Session, *, job_id: int, leader_of: Mapping[int, int]) -> None:
    """Note, once its tasks are stored, which of a run's tasks repeat which earlier ones."""
    if not leader_of:
        return
    job = read_job(session, job_id=job_id)
    source = {"tenant_id": job.tenant_id, "job_id": job_id}
    session.execute(insert(TwinRow), [source | {"seq": seq, "leader_seq": leader} for seq, leader in leader_of.items()])
    session.execute(update(JobRow).where(JobRow.id == job_id).values(twins=JobRow.twins + len(leader_of)))


def read_leaders(session: Session, *, job_id: int) -> dict[int, int]:
    """The leader of every twin of the job; both by their sequence number."""
    rows = session.execute(select(TwinRow.seq, TwinRow.leader_seq).where(TwinRow.job_id == job_id))
    return {row.seq: row.leader_seq for row in rows}


def read_twins(session: Session, *, job_id: int, leader_seqs: Sequence[int]) -> list[Twin]:
    """The twins of these tasks."""
    query = select(TwinRow.seq, TwinRow.leader_seq, TaskRow.payload).join(
        TaskRow, (TaskRow.job_id == TwinRow.job_id) & (TaskRow.seq == TwinRow.seq)
    )
    query = query.where(TwinRow.job_id == job_id, among(TwinRow.leader_seq, leader_seqs)).order_by(TwinRow.seq)
    return [Twin(**row._mapping) for row in session.execute(query)]
