"""Plans: a routed window becomes groups, and final reasons for the tasks that none may serve."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.errors import StaleFence, WindowMismatch
from db.jobs import Job, read_job
from db.requeues import Arm, NewRequeue, insert_requeues
from db.states import GroupState, JobKind, RequeueReason, WindowState
from db.tables import GroupRow, RequeueRow, WindowRow


@dataclass(frozen=True, kw_only=True)
class NewGroup:
    """One strategy's share of a window."""

    strategy_id: int
    seqs: Sequence[int]
    amounts: Sequence[int]  # worst case of each task, in quanta
    predicted_cost: int  # of all of them together, in quanta


def commit_window(
    session: Session,
    *,
    window_id: int,
    fence: int,
    groups: Sequence[NewGroup],
    unserved: Sequence[int] = (),
    not_eligible: Sequence[int] = (),
    shadow_price: float | None = None,
    allowance: int | None = None,
    predicted_cost: int | None = None,
    upper_bound: float | None = None,
    gap: float | None = None,
) -> list[int]:
    """The ids of the groups, now ready to be claimed; StaleFence, or WindowMismatch unless every task has its place.

    Tasks in `unserved` fit no budget (they end as budget_exhausted), those in `not_eligible` fit no strategy.
    In a calibration the groups name every strategy, and an unserved task is one in all arms that no group names.
    """
    certificate = {"shadow_price": shadow_price, "allowance": allowance, "predicted_cost": predicted_cost}
    seqs = _mark_routed(session, window_id=window_id, fence=fence, upper_bound=upper_bound, gap=gap, **certificate)
    raise NotImplementedError
