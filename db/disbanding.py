"""Groups that are not needed any more: their tasks go back to routing, or are given up."""

from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.groups import GROUP_DONE, list_unanswered
from db.leases import write_fenced
from db.promises import take_back_promise
from db.requeues import NewRequeue, insert_requeues
from db.states import FINAL_REASONS, GroupState, JobKind, RequeueReason
from db.tables import GroupRow


def disband_ready_groups(
    session: Session, *, reason: RequeueReason, job_id: int | None = None, strategy_id: int | None = None
) -> int:
    """How many tasks of ready groups, of this job or strategy, left them for this reason.

    Those of a strategy leave the groups of runs alone: nothing else could serve another job's arm.
    """
    ready = select(GroupRow.id, GroupRow.tenant_id, GroupRow.job_id, GroupRow.arm)
    ready = ready.where(GroupRow.state == GroupState.READY)
    if job_id is not None:
        ready = ready.where(GroupRow.job_id == job_id)
    if strategy_id is not None:
        ready = ready.where(GroupRow.strategy_id == strategy_id, GroupRow.kind == JobKind.RUN)
    # One that is being claimed at this moment is not ready any more.
    groups = session.execute(ready.order_by(GroupRow.id).with_for_update(skip_locked=True, of=GroupRow)).all()
    done = {"state": GroupState.DONE, "fence": GroupRow.fence + 1, "finished_at": func.clock_timestamp()}
    for group in groups:
        session.execute(update(GroupRow).where(GroupRow.id == group.id).values(done))
    sent = [_send_away(session, group=_Ended(*group), why=reason) for group in groups]
    for group, away in zip(groups, sent, strict=True):  # after all of them: groups are locked before budgets
        _keep_no_more(session, job_id=group.job_id, away=away)
    return sum(away.tasks for away in sent)


def disband_group(session: Session, *, group_id: int, fence: int, reason: RequeueReason) -> int:
    """The same for a group that the caller holds and has no open batch of; StaleFence."""
    held = write_fenced(session, GROUP_DONE, group_id=group_id, fence=fence)
    group = _Ended(held.id, held.tenant_id, held.job_id, held.arm)
    away = _send_away(session, group=group, why=reason)
    _keep_no_more(session, job_id=held.job_id, away=away)
    return away.tasks


class _Ended(NamedTuple):
    id: int
    tenant_id: str
    job_id: int
    arm: int


class _Away(NamedTuple):
    tasks: int
    least: int  # what is kept free for them no longer, in quanta


def _send_away(session: Session, *, group: _Ended, why: RequeueReason) -> _Away:
    members = list_unanswered(session, group_id=group.id)
    back = [NewRequeue(seq=member.seq, arm=group.arm, reason=why) for member in members]
    insert_requeues(session, tenant_id=group.tenant_id, job_id=group.job_id, from_group_id=group.id, requeues=back)
    return _Away(len(members), sum(member.least for member in members) if why in FINAL_REASONS else 0)


def _keep_no_more(session: Session, *, job_id: int, away: _Away) -> None:
    if away.least:
        take_back_promise(session, job_id=job_id, least=away.least)
