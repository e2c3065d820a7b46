"""Groups: claimed, given back, finished."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Interval,
    Update,
    and_,
    any_,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from db.breakers import has_failed, is_open
from db.chances import read_chances
from db.errors import UnfinishedGroup
from db.leases import HeldGroup, fenced_change, write_fenced
from db.ledger import list_open_batches
from db.promises import take_back_promise
from db.requeues import NewRequeue, insert_requeues
from db.states import FINAL_REASONS, GroupState, RequeueReason
from db.tables import AttemptRow, BudgetRow, GroupRow, JobRow
from db.tables.base import core_table


@dataclass(frozen=True, kw_only=True)
class ClaimedGroup:
    """A group that the caller holds until its lease ends, with the members that still need an answer."""

    id: int
    fence: int
    job_id: int
    window_id: int
    strategy_id: int
    arm: int
    seqs: Sequence[int]
    amounts: Sequence[int]  # worst case of each, in quanta
    least: Sequence[int]  # what the budget keeps free for each until it is started
    past_attempts: Sequence[int]  # executions of each, in whatever group, that gave no answer
    propensities: Sequence[float | None]  # with what chance each was drawn; None: it came back, and no chance says so
    on_trial: bool  # its strategy failed lately: whether it works again is to be noted
    has_twins: bool  # whether tasks of its job are answered by an identical one
    second_chances: bool  # whether tasks of its job with invalid answers may be asked once more


class Member(NamedTuple):
    """A task of a group that has no answer yet."""

    seq: int
    amount: int  # worst case, in quanta
    least: int  # what the budget keeps free for it until it is started
    past_attempts: int  # executions, in whatever group, that gave no answer
    position: int  # in the group, from 0


def claim_group(
    session: Session,
    *,
    owner: str,
    lease_seconds: float,
    strategy_ids: Sequence[int] | None = None,
    job_id: int | None = None,
    held_before: bool = False,
) -> ClaimedGroup | None:
    """The next ready group (of these strategies, of this job); None when there is none.

    By priority and deadline of its job, then by age; nothing of paused jobs, nor of strategies that are left alone, nor
    what could not begin before others have settled. With `held_before` only what another claim has left unfinished.
    """
    claim = _make_claim(of_strategies=strategy_ids is not None, of_job=job_id is not None, held_before=held_before)
    names = {"among_strategies": strategy_ids, "own_job": job_id}
    lease = timedelta(seconds=lease_seconds)
    row = session.execute(claim, {"claimer": owner, "lease": lease, **names}).one_or_none()
    if row is None:
        return None
    own = {name: getattr(row, name) for name in (*_OWN, "on_trial", "has_twins", "second_chances")}
    count, chances = len(row.seqs), _list_chances(row.propensities, members=len(row.seqs))
    if row.is_fresh:
        return ClaimedGroup(
            **own,
            seqs=row.seqs,
            amounts=row.amounts,
            least=row.least or [0] * count,
            past_attempts=[0] * count,
            propensities=chances,
        )
    members = list_unanswered(session, group_id=row.id)
    return ClaimedGroup(
        **own,
        seqs=[member.seq for member in members],
        amounts=[member.amount for member in members],
        least=[member.least for member in members],
        past_attempts=[member.past_attempts for member in members],
        propensities=[chances[member.position] for member in members],
    )


def _list_chances(stored: bytes | None, *, members: int) -> Sequence[float | None]:
    return [None] * members if stored is None else read_chances(stored) or [1.0] * members


_GRP, _JOB, _BUDGET = core_table(GroupRow), core_table(JobRow), core_table(BudgetRow)

# A group that would only wait for money waits here, where it keeps nobody else from an engine. With nothing reserved
# none will come back: then it has to be claimed, and denied.
_MAY_BEGIN = or_(
    _BUDGET.c.cap.is_(None),
    _BUDGET.c.reserved == 0,
    text(
        "grp.amounts[1] <= budget.cap - (budget.spent + budget.burned + budget.reserved)"
        " - coalesce(budget.kept - coalesce(grp.least[1], 0), 0)"
    ),
)

_OWN = ("id", "fence", "job_id", "window_id", "strategy_id", "arm")


@cache
def _make_claim(*, of_strategies: bool, of_job: bool, held_before: bool) -> Update:
    first = select(_GRP.c.id).join(_JOB, _JOB.c.id == _GRP.c.job_id).where(_GRP.c.state == GroupState.READY)
    first = first.join(_BUDGET, _BUDGET.c.id == _JOB.c.budget_id)
    first = first.where(~_JOB.c.paused, ~is_open(_GRP.c.strategy_id), _MAY_BEGIN)
    if of_strategies:
        first = first.where(_GRP.c.strategy_id == any_(bindparam("among_strategies", type_=ARRAY(BigInteger))))
    if of_job:
        first = first.where(_GRP.c.job_id == bindparam("own_job"))
    if held_before:
        first = first.where(_GRP.c.fence > 0)
    first = first.order_by(_JOB.c.priority.desc(), _JOB.c.deadline.asc().nulls_last(), _GRP.c.id).limit(1)
    # Rows that another claimer has locked are passed over, so that claimers never queue behind each other.
    free = first.with_for_update(skip_locked=True, of=_GRP).scalar_subquery()
    claimed = (
        update(_GRP)
        .where(_GRP.c.id == free)
        .values(
            state=GroupState.CLAIMED,
            owner=bindparam("claimer"),
            fence=_GRP.c.fence + 1,
            lease_until=func.clock_timestamp() + bindparam("lease", type_=Interval()),
            heartbeat_at=func.clock_timestamp(),
        )
    )
    on_trial = has_failed(_GRP.c.strategy_id).label("on_trial")
    # Nobody held the group before, and no task of its job ever failed: then all members wait, and none has a past.
    is_fresh = and_(_GRP.c.fence == 1, ~exists().where(AttemptRow.job_id == _GRP.c.job_id)).label("is_fresh")
    has_twins = (select(_JOB.c.twins).where(_JOB.c.id == _GRP.c.job_id).scalar_subquery() > 0).label("has_twins")
    again = select(_JOB.c.second_chances).where(_JOB.c.id == _GRP.c.job_id).scalar_subquery().label("second_chances")
    own = [_GRP.c[name] for name in (*_OWN, "seqs", "amounts", "least", "propensities")]
    return claimed.returning(*own, on_trial, is_fresh, has_twins, again)


_READY = fenced_change(state=GroupState.READY, owner=None, lease_until=None)
GROUP_DONE = fenced_change(state=GroupState.DONE, lease_until=None, finished_at=func.clock_timestamp())


def return_group(session: Session, *, group_id: int, fence: int) -> None:
    """Give the group back, to be claimed again at once; UnfinishedGroup while a batch is open."""
    group = write_fenced(session, _READY, group_id=group_id, fence=fence)
    _require_settled(session, group=group)


def finish_group(
    session: Session,
    *,
    group_id: int,
    fence: int,
    hand_back: Sequence[int] = (),
    reason: RequeueReason = RequeueReason.DENIED,
    delay_seconds: float = 0.0,
) -> None:
    """End the group; tasks without an answer go back to routing and must all be named. UnfinishedGroup, StaleFence."""
    group = write_fenced(session, GROUP_DONE, group_id=group_id, fence=fence)
    _require_settled(session, group=group)
    if not hand_back and group.settled == group.members:
        return  # each member was settled, which the counts say without a look at any
    members = list_unanswered(session, group_id=group_id)
    unanswered = [member.seq for member in members]
    if sorted(unanswered) != sorted(hand_back):
        raise UnfinishedGroup(
            f"group {group_id} has {len(unanswered)} tasks without an answer, {len(hand_back)} are handed back: "
            f"hand back exactly {sorted(unanswered)}"
        )
    back = [NewRequeue(seq=seq, arm=group.arm, reason=reason, delay_seconds=delay_seconds) for seq in hand_back]
    insert_requeues(session, tenant_id=group.tenant_id, job_id=group.job_id, from_group_id=group.id, requeues=back)
    if reason in FINAL_REASONS:  # after that: groups are locked before budgets
        take_back_promise(session, job_id=group.job_id, least=sum(member.least for member in members))


# Only rows of this very group count as its requeues: a task that came back once has an older one behind it.
_LIST_UNANSWERED = text("""
    SELECT member.seq, CAST(member.amount AS text) AS amount, CAST(coalesce(member.least, 0) AS text) AS least,
           (SELECT count(*) FROM attempt JOIN grp AS past ON past.id = attempt.grp_id
            WHERE attempt.job_id = grp.job_id AND attempt.seq = member.seq AND past.arm = grp.arm) AS past_attempts,
           member.position - 1 AS position
    FROM grp
    CROSS JOIN unnest(grp.seqs, grp.amounts, grp.least) WITH ORDINALITY AS member (seq, amount, least, position)
    WHERE grp.id = :group_id
      AND NOT EXISTS (SELECT FROM outcome WHERE job_id = grp.job_id AND seq = member.seq AND arm = grp.arm)
      AND NOT EXISTS (SELECT FROM requeue WHERE from_grp_id = grp.id AND seq = member.seq)
    ORDER BY member.position
""")


def list_unanswered(session: Session, *, group_id: int) -> list[Member]:
    """The members that have neither an outcome nor gone back to routing, in the group's order."""
    rows = session.execute(_LIST_UNANSWERED, {"group_id": group_id})
    return [Member(row.seq, int(row.amount), int(row.least), row.past_attempts, row.position) for row in rows]


def _require_settled(session: Session, *, group: HeldGroup) -> None:
    if group.started == group.settled:
        return
    if batches := list_open_batches(session, group=group):
        raise UnfinishedGroup(f"group {group.id} still has open batches {batches}: settle them first")
