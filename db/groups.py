"""Groups: claimed, given back, finished."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.states import RequeueReason


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
    burned_attempts: Sequence[int]  # how often each was started by a worker that was then lost


def claim_group(
    session: Session,
    *,
    owner: str,
    lease_seconds: float,
    strategy_ids: Sequence[int] | None = None,
    job_id: int | None = None,
) -> ClaimedGroup | None:
    """The oldest ready group (of these strategies, of this job); None when there is none."""
    raise NotImplementedError


def return_group(session: Session, *, group_id: int, fence: int) -> None:
    """Give the group back, to be claimed again at once; UnfinishedGroup while a batch is open."""
    raise NotImplementedError


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
    raise NotImplementedError
