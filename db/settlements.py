"""Settlements: a batch is charged what it cost, and its answers are stored, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.budgets import Budget
from db.errors import BatchMismatch
from db.leases import HeldGroup, write_fenced
from db.ledger import Entry, post_entries, read_open_batch
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.requeues import NewRequeue, insert_requeues
from db.states import EntryKind, OutcomeSource, RequeueReason
from db.tables import AttemptRow
from db.text import replace_unstorable

__all__ = ["Charges", "NewOutcome", "NewRetry", "Settlement", "settle_batch"]


@dataclass(frozen=True, kw_only=True)
class NewRetry:
    """An execution that failed in a way that may pass: the task goes back to routing."""

    seq: int
    error_code: str
    error_message: str
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta; charged although there is no answer
    exclude_strategy: bool = False  # whether routing must choose another one
    delay_seconds: float = 0.0


class Charges(NamedTuple):
    """What a batch came to, in quanta."""

    spent: int
    released: int
    overrun: int


class Settlement(NamedTuple):
    """What a settlement charged, and the budget as it then stands."""

    charges: Charges
    budget: Budget


def settle_batch(
    session: Session,
    *,
    group_id: int,
    fence: int,
    batch_no: int,
    outcomes: Sequence[NewOutcome],
    retries: Sequence[NewRetry] = (),
) -> Settlement:
    """What the batch came to. StaleFence, AlreadySettled; BatchMismatch unless each of its tasks is named once."""
    group = write_fenced(session, group_id=group_id, fence=fence)
    reserved = read_open_batch(session, group=group, batch_no=batch_no)
    costs = _list_costs(group=group, batch_no=batch_no, reserved=reserved, ended=[*outcomes, *retries])
    insert_outcomes(session, outcomes=outcomes, origin=_origin(group))
    if retries:
        _store_retries(session, group=group, retries=retries)
    charges = _compare(reserved, costs)
    entries = _entries(charges, batch_no=batch_no, reserved=reserved, costs=costs)
    return Settlement(charges, post_entries(session, group=group, entries=entries))


def _list_costs(
    *, group: HeldGroup, batch_no: int, reserved: Mapping[int, int], ended: Sequence[NewOutcome | NewRetry]
) -> dict[int, int]:
    costs = {entry.seq: entry.cost for entry in ended}
    if len(costs) < len(ended) or costs.keys() != reserved.keys():
        raise BatchMismatch(
            f"batch {batch_no} of group {group.id} reserved for tasks {sorted(reserved)}, "
            f"its settlement names {sorted(entry.seq for entry in ended)}: name each once"
        )
    return costs


def _compare(reserved: Mapping[int, int], costs: Mapping[int, int]) -> Charges:
    """Task by task: what one cost too much is not paid from what another left over."""
    spent = sum(min(costs[seq], held) for seq, held in reserved.items())
    return Charges(spent=spent, released=sum(reserved.values()) - spent, overrun=sum(costs.values()) - spent)


def _entries(charges: Charges, *, batch_no: int, reserved: Mapping[int, int], costs: Mapping[int, int]) -> list[Entry]:
    seqs = list(reserved)
    settle = Entry(
        kind=EntryKind.SETTLE,
        batch_no=batch_no,
        seqs=seqs,
        amounts=[costs[seq] for seq in seqs],
        reserved_delta=-charges.spent,
        spent_delta=charges.spent,
        overrun_delta=charges.overrun,
    )
    if charges.released == 0:
        return [settle]
    left_over = [max(0, reserved[seq] - costs[seq]) for seq in seqs]
    released = -charges.released
    release = Entry(kind=EntryKind.RELEASE, batch_no=batch_no, seqs=seqs, amounts=left_over, reserved_delta=released)
    return [settle, release]


def _origin(group: HeldGroup) -> Origin:
    return Origin(
        tenant_id=group.tenant_id,
        job_id=group.job_id,
        kind=group.kind,
        arm=group.arm,
        strategy_id=group.strategy_id,
        grp_id=group.id,
        fence=group.fence,
        source=OutcomeSource.ENGINE,
    )


def _store_retries(session: Session, *, group: HeldGroup, retries: Sequence[NewRetry]) -> None:
    source = {"tenant_id": group.tenant_id, "job_id": group.job_id, "grp_id": group.id, "fence": group.fence}
    session.execute(insert(AttemptRow), [source | _attempt_values(retry) for retry in retries])
    back = [
        NewRequeue(
            seq=retry.seq,
            arm=group.arm,
            reason=RequeueReason.RETRY,
            executed=True,
            excluded_strategy_id=group.strategy_id if retry.exclude_strategy else None,
            delay_seconds=retry.delay_seconds,
        )
        for retry in retries
    ]
    insert_requeues(session, tenant_id=group.tenant_id, job_id=group.job_id, from_group_id=group.id, requeues=back)


def _attempt_values(retry: NewRetry) -> dict[str, object]:
    return {
        "seq": retry.seq,
        "error_code": retry.error_code,
        "error_message": replace_unstorable(retry.error_message),
        "prompt_tokens": retry.prompt_tokens,
        "output_tokens": retry.output_tokens,
        "cost": retry.cost,
    }
