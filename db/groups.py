"""Groups: claimed, given back, finished."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import and_, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from db.arrays import among
from db.breakers import has_failed, is_open
from db.errors import UnfinishedGroup
from db.leases import HeldGroup, lease_end, write_fenced
from db.ledger import list_open_batches
from db.promises import take_back_promise
from db.requeues import NewRequeue, insert_requeues
from db.states import FINAL_REASONS, GroupState, RequeueReason
from db.tables import AttemptRow, BudgetRow, GroupRow, JobRow


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
    on_trial: bool  # its strategy failed lately: whether it works again is to be noted


class Member(NamedTuple):
    """A task of a group that has no answer yet."""

    seq: int
    amount: int  # worst case, in quanta
    least: int  # what the budget keeps free for it until it is started
    past_attempts: int  # executions, in whatever group, that gave no answer


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
    first = select(GroupRow.id).join(JobRow, JobRow.id == GroupRow.job_id).where(GroupRow.state == GroupState.READY)
    first = first.join(BudgetRow, BudgetRow.id == JobRow.budget_id)
    first = first.where(~JobRow.paused, ~is_open(GroupRow.strategy_id), _MAY_BEGIN)
    if strategy_ids is not None:
        first = first.where(among(GroupRow.strategy_id, strategy_ids))
    if job_id is not None:
        first = first.where(GroupRow.job_id == job_id)
    if held_before:
        first = first.where(GroupRow.fence > 0)
    first = first.order_by(JobRow.priority.desc(), JobRow.deadline.asc().nulls_last(), GroupRow.id).limit(1)
    # Rows that another claimer has locked are passed over, so that claimers never queue behind each other.
    free = first.with_for_update(skip_locked=True, of=GroupRow).scalar_subquery()
    claimed = update(GroupRow).where(GroupRow.id == free)
    claimed = claimed.values(
        state=GroupState.CLAIMED,
        owner=owner,
        fence=GroupRow.fence + 1,
        lease_until=lease_end(lease_seconds),
        heartbeat_at=func.clock_timestamp(),
    )
    columns = (GroupRow.id, GroupRow.fence, GroupRow.job_id, GroupRow.window_id, GroupRow.strategy_id, GroupRow.arm)
    on_trial = has_failed(GroupRow.strategy_id).label("on_trial")
    row = session.execute(claimed.returning(*columns, on_trial, *_MEMBERS, _IS_FRESH)).one_or_none()
    if row is None:
        return None
    own = {column.key: getattr(row, column.key) for column in columns} | {"on_trial": row.on_trial}
    if row.is_fresh:
        least = row.least or [0] * len(row.seqs)
        return ClaimedGroup(**own, seqs=row.seqs, amounts=row.amounts, least=least, past_attempts=[0] * len(row.seqs))
    members = list_unanswered(session, group_id=row.id)
    return ClaimedGroup(
        **own,
        seqs=[member.seq for member in members],
        amounts=[member.amount for member in members],
        least=[member.least for member in members],
        past_attempts=[member.past_attempts for member in members],
    )


# A group that would only wait for money waits here, where it keeps nobody else from an engine. With nothing reserved
# none will come back: then it has to be claimed, and denied.
_MAY_BEGIN = or_(
    BudgetRow.cap.is_(None),
    BudgetRow.reserved == 0,
    text(
        "grp.amounts[1] <= budget.cap - (budget.spent + budget.burned + budget.reserved)"
        " - coalesce(budget.kept - coalesce(grp.least[1], 0), 0)"
    ),
)

_MEMBERS = (GroupRow.seqs, GroupRow.amounts, GroupRow.least)

# Nobody held the group before, and no task of its job ever failed: then all members wait, and none has a past.
_IS_FRESH = and_(GroupRow.fence == 1, ~exists().where(AttemptRow.job_id == GroupRow.job_id)).label("is_fresh")


def return_group(session: Session, *, group_id: int, fence: int) -> None:
    """Give the group back, to be claimed again at once; UnfinishedGroup while a batch is open."""
    group = write_fenced(session, group_id=group_id, fence=fence, state=GroupState.READY, owner=None, lease_until=None)
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
    done = {"state": GroupState.DONE, "lease_until": None, "finished_at": func.clock_timestamp()}
    group = write_fenced(session, group_id=group_id, fence=fence, **done)
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
    if reason in FINAL_REASONS:
        take_back_promise(session, job_id=group.job_id, least=sum(member.least for member in members))
    back = [NewRequeue(seq=seq, arm=group.arm, reason=reason, delay_seconds=delay_seconds) for seq in hand_back]
    insert_requeues(session, tenant_id=group.tenant_id, job_id=group.job_id, from_group_id=group.id, requeues=back)


# Only rows of this very group count as its requeues: a task that came back once has an older one behind it.
_LIST_UNANSWERED = text("""
    SELECT member.seq, CAST(member.amount AS text) AS amount, CAST(coalesce(member.least, 0) AS text) AS least,
           (SELECT count(*) FROM attempt JOIN grp AS past ON past.id = attempt.grp_id
            WHERE attempt.job_id = grp.job_id AND attempt.seq = member.seq AND past.arm = grp.arm) AS past_attempts
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
    return [Member(row.seq, int(row.amount), int(row.least), row.past_attempts) for row in rows]


def _require_settled(session: Session, *, group: HeldGroup) -> None:
    if group.started == group.settled:
        return
    if batches := list_open_batches(session, group=group):
        raise UnfinishedGroup(f"group {group.id} still has open batches {batches}: settle them first")
