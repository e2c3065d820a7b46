"""Plans: a routed window becomes groups, and final reasons for the tasks that none may serve."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert
from sqlalchemy.orm import Session

from db.chances import write_chances
from db.errors import WindowMismatch
from db.explorations import NewExploration, store_exploration
from db.jobs import Job, read_job
from db.kept_answers import restore_kept
from db.promises import take_back_promise
from db.requeues import Arm, NewRequeue, close_requeues, insert_requeues
from db.states import GroupState, JobKind, RequeueReason, WindowState
from db.tables import GroupRow
from db.tables.base import core_table
from db.trial_windows import NewLots, store_lots
from db.windows import HeldWindow, list_wanted, read_requeued, write_window_fenced


@dataclass(frozen=True, kw_only=True)
class NewGroup:
    """One strategy's share of a window."""

    strategy_id: int
    seqs: Sequence[int]
    amounts: Sequence[int]  # worst case of each task, in quanta
    least: Sequence[int] = ()  # what the budget keeps free for each; empty: nothing was promised
    predicted_cost: int  # of all of them together, in quanta
    propensities: (
        Sequence[float] | NDArray[np.float32] | None
    ) = ()  # of each; empty: they had no other chance; None: they came back


class Certificate(TypedDict, total=False):
    """What is kept with a routed window of how its strategies were chosen; quanta where it is money."""

    shadow_price: float | None
    allowance: int | None
    predicted_cost: int | None
    upper_bound: float | None
    gap: float | None
    engine_time: Mapping[str, Any] | None  # what its job's deadline made of it


def commit_window(
    session: Session,
    *,
    window_id: int,
    fence: int,
    groups: Sequence[NewGroup],
    unserved: Sequence[int] = (),
    not_eligible: Sequence[int] = (),
    held: Sequence[int] = (),
    held_seconds: float = 0.0,
    kept: Sequence[int] = (),
    least_given_up: int = 0,
    exploration: NewExploration | None = None,
    lots: NewLots | None = None,
    **certificate: Unpack[Certificate],
) -> list[int]:
    """The ids of the groups, now ready to be claimed; StaleFence, or WindowMismatch unless every task has its place.

    Tasks in `unserved` fit no budget (they end as budget_exhausted), those in `not_eligible` fit no strategy;
    `least_given_up` is what their budget keeps free for them. Those in `held` come back in `held_seconds`, when
    strategies that are left alone now may serve them again; those in `kept` end with the answer that was kept. A job
    other than a run needs every task in every strategy's arm: there, these are the tasks missing from some groups.
    """
    routed = {"state": WindowState.ROUTED, "lease_until": None, "routed_at": func.clock_timestamp()}
    window = write_window_fenced(session, window_id=window_id, fence=fence, **routed, **certificate)
    job = read_job(session, job_id=window.job_id)
    requeued = read_requeued(session, window_id=window_id)
    wanted = list_wanted(window, job=job, requeued=requeued)
    placeless = {*unserved, *not_eligible, *held, *kept}
    left = _list_placeless(window=window, job=job, wanted=wanted, groups=groups, seqs=placeless)
    if requeued:
        close_requeues(session, window_id=window_id)
    waiting, ended = frozenset(held), restore_kept(session, job_id=job.id, seqs=kept)
    given_up = [arm for arm in left if arm.seq not in waiting and arm.seq not in ended]
    _give_up(session, job=job, arms=given_up, not_eligible=frozenset(not_eligible))
    _hold(session, job=job, arms=[arm for arm in left if arm.seq in waiting], seconds=held_seconds)
    if least_given_up:
        take_back_promise(session, job_id=job.id, least=least_given_up)
    _store_draws(session, window=window, job=job, exploration=exploration, lots=lots)
    return _insert_groups(session, window=window, job=job, groups=groups)


def _give_up(session: Session, *, job: Job, arms: Iterable[Arm], not_eligible: Collection[int]) -> None:
    """Write down why these arms will have no outcome."""
    reasons = {True: RequeueReason.NOT_ELIGIBLE, False: RequeueReason.BUDGET_EXHAUSTED}
    final = [NewRequeue(seq=seq, arm=arm, reason=reasons[seq in not_eligible]) for seq, arm in arms]
    insert_requeues(session, tenant_id=job.tenant_id, job_id=job.id, from_group_id=None, requeues=final)


def _hold(session: Session, *, job: Job, arms: Iterable[Arm], seconds: float) -> None:
    back = [NewRequeue(seq=seq, arm=arm, reason=RequeueReason.RECALLED, delay_seconds=seconds) for seq, arm in arms]
    insert_requeues(session, tenant_id=job.tenant_id, job_id=job.id, from_group_id=None, requeues=back)


def _store_draws(
    session: Session, *, window: HeldWindow, job: Job, exploration: NewExploration | None, lots: NewLots | None
) -> None:
    """What was drawn for the window, if anything was."""
    if exploration is not None:
        store_exploration(session, window=window, tenant_id=job.tenant_id, exploration=exploration)
    if lots is not None:
        store_lots(session, window=window, tenant_id=job.tenant_id, lots=lots)


def _list_placeless(
    *,
    window: HeldWindow,
    job: Job,
    wanted: AbstractSet[tuple[int, int]],
    groups: Sequence[NewGroup],
    seqs: Collection[int],
) -> list[Arm]:
    """The arms of `seqs` that no group serves, once it is sure that everything else is served exactly once."""
    placed = list(chain.from_iterable(_list_arms(group, job=job) for group in groups))
    served = set(placed)
    left = wanted - served
    twice = [] if len(placed) == len(served) else [arm for arm, count in Counter(placed).items() if count > 1]
    foreign, forgotten = served - wanted, [(seq, arm) for seq, arm in left if seq not in seqs]
    unknown = set(seqs) - {seq for seq, _ in left}
    if twice or foreign or forgotten or unknown:
        raise WindowMismatch(
            f"window {window.id} of job {job.id} has {len(wanted)} tasks to place: {len(forgotten)} have no place, "
            f"{len(twice)} have two, {len(foreign) + len(unknown)} do not belong to it "
            f"(first of each: {forgotten[:1]} {twice[:1]} {[*foreign, *unknown][:1]})"
        )
    return sorted(Arm(seq, arm) for seq, arm in left)


def _list_arms(group: NewGroup, *, job: Job) -> Iterable[tuple[int, int]]:
    return zip(group.seqs, repeat(0 if job.kind is JobKind.RUN else group.strategy_id))


_GRP = core_table(GroupRow)  # to the ORM a NULL means the default


def _insert_groups(session: Session, *, window: HeldWindow, job: Job, groups: Sequence[NewGroup]) -> list[int]:
    if not groups:
        return []
    common = {"tenant_id": job.tenant_id, "job_id": job.id, "kind": job.kind, "window_id": window.id}
    rows = [
        common
        | {
            "strategy_id": group.strategy_id,
            "arm": 0 if job.kind is JobKind.RUN else group.strategy_id,
            "seqs": list(group.seqs),
            "amounts": list(group.amounts),
            "least": list(group.least),
            "predicted_cost": group.predicted_cost,
            "propensities": None if group.propensities is None else write_chances(group.propensities),
            "state": GroupState.READY,
        }
        for group in groups
    ]
    inserted = session.execute(insert(_GRP).returning(_GRP.c.id, sort_by_parameter_order=True), rows)
    return list(inserted.scalars())
