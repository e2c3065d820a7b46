"""Settlements: a batch is charged what it cost, and its answers are stored, together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, insert, text
from sqlalchemy.orm import Session

from db.budgets import Budget
from db.errors import BatchMismatch
from db.kept_answers import NewKept, insert_kept, restore_kept
from db.leases import HeldGroup, fenced_change, write_fenced
from db.ledger import Entry, post_entries, read_open_batch
from db.outcome_rows import NewOutcome, Origin, insert_outcomes
from db.promises import keep_again
from db.requeues import NewRequeue, insert_requeues
from db.states import EntryKind, OutcomeSource, RequeueReason
from db.tables import AttemptRow, GroupRow
from db.tables.base import core_table
from db.text import replace_unstorable

__all__ = [
    "NO_SECOND_CHANCES",
    "Charges",
    "NewAttempt",
    "NewKept",
    "NewOutcome",
    "NewRetry",
    "SecondChances",
    "Settlement",
    "settle_batch",
]


@dataclass(frozen=True, kw_only=True)
class NewAttempt:
    """An execution that was not final."""

    seq: int
    error_code: str
    error_message: str
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta; charged although its answer, if any, counts for nothing


@dataclass(frozen=True, kw_only=True)
class NewRetry(NewAttempt):
    """One that failed in a way that may pass: the task goes back to routing."""

    exclude_strategy: bool = False  # whether routing must choose another one
    delay_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SecondChances:
    """What a batch says of tasks that may be asked once more, or were."""

    kept: Sequence[NewKept] = ()  # first answers that are invalid: their tasks go back to routing
    twins: Sequence[NewKept] = ()  # the same answers for tasks that are identical to those
    beaten: Sequence[NewAttempt] = ()  # second answers that are no better than the first, which are final now


NO_SECOND_CHANCES = SecondChances()


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
    twins: Sequence[NewOutcome] = (),
    chances: SecondChances = NO_SECOND_CHANCES,
) -> Settlement:
    """What the batch came to. StaleFence, AlreadySettled; BatchMismatch unless each of its tasks is named once.

    `twins` are the outcomes, free of charge, of tasks that are identical to answered ones of the batch.
    """
    ended: list[NewOutcome | NewAttempt] = [
        *outcomes,
        *retries,
        *(answer.outcome for answer in chances.kept),
        *chances.beaten,
    ]
    counts = _count(outcomes=[*outcomes, *twins], settled=len(ended))
    group = write_fenced(session, _SETTLE, group_id=group_id, fence=fence, **counts)
    reserved = read_open_batch(session, group=group, batch_no=batch_no)
    costs = _list_costs(group=group, batch_no=batch_no, reserved=reserved.amounts, ended=ended)
    insert_outcomes(session, outcomes=outcomes, origin=_origin(group, OutcomeSource.ENGINE))
    insert_outcomes(session, outcomes=twins, origin=_origin(group, OutcomeSource.TWIN))
    kept_again = _store_retries(session, group=group, retries=retries) if retries else 0
    if chances is not NO_SECOND_CHANCES:
        _store_chances(session, group=group, chances=chances)
    charges = _compare(reserved.amounts, costs)
    entries = _entries(charges, batch_no=batch_no, reserved=reserved.amounts, costs=costs)
    budget = post_entries(session, group=group, budget_id=reserved.budget_id, entries=entries)
    if kept_again:
        keep_again(session, job_id=group.job_id, least=kept_again)
    return Settlement(charges, budget)


_GRP = core_table(GroupRow)
_SETTLE = fenced_change(
    **{
        name: _GRP.c[name] + bindparam(f"more_{name}")
        for name in ("settled", "answered", "errors", "graded", "correct")
    }
)


def _count(*, outcomes: Sequence[NewOutcome], settled: int) -> dict[str, float]:
    """How much the group's counts grow."""
    grades = [outcome.correct for outcome in outcomes if outcome.correct is not None]
    return {
        "more_settled": settled,
        "more_answered": len(outcomes),
        "more_errors": sum(outcome.error_code is not None for outcome in outcomes),
        "more_graded": len(grades),
        "more_correct": float(sum(grades)),
    }


def _list_costs(
    *, group: HeldGroup, batch_no: int, reserved: Mapping[int, int], ended: Sequence[NewOutcome | NewAttempt]
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


def _origin(group: HeldGroup, source: OutcomeSource) -> Origin:
    executed = source is OutcomeSource.ENGINE
    return Origin(
        tenant_id=group.tenant_id,
        job_id=group.job_id,
        kind=group.kind,
        arm=group.arm,
        strategy_id=group.strategy_id,
        grp_id=group.id if executed else None,
        fence=group.fence if executed else None,
        source=source,
    )


_SUM_LEAST = text("""
    SELECT CAST(coalesce(sum(member.least), 0) AS text)
    FROM grp CROSS JOIN unnest(grp.seqs, grp.least) AS member (seq, least)
    WHERE grp.id = :group_id AND member.seq = ANY (CAST(:seqs AS int[]))
""")


def _store_retries(session: Session, *, group: HeldGroup, retries: Sequence[NewRetry]) -> int:
    """What has to be kept free for them again, as they will be started anew."""
    _insert_attempts(session, group=group, attempts=retries)
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
    again = {"group_id": group.id, "seqs": [retry.seq for retry in retries]}
    return int(session.execute(_SUM_LEAST, again).scalar_one())


def _store_chances(session: Session, *, group: HeldGroup, chances: SecondChances) -> None:
    """Nothing is kept free for a second chance: its task has an answer, which others have not."""
    insert_kept(session, kept=chances.kept, origin=_origin(group, OutcomeSource.ENGINE))
    insert_kept(session, kept=chances.twins, origin=_origin(group, OutcomeSource.TWIN))
    back = [
        NewRequeue(
            seq=answer.outcome.seq,
            arm=group.arm,
            reason=RequeueReason.SECOND_CHANCE,
            executed=True,
            excluded_strategy_id=group.strategy_id,
        )
        for answer in chances.kept
    ]
    insert_requeues(session, tenant_id=group.tenant_id, job_id=group.job_id, from_group_id=group.id, requeues=back)
    if chances.beaten:
        _insert_attempts(session, group=group, attempts=chances.beaten)
        seqs = [attempt.seq for attempt in chances.beaten]
        if unknown := set(seqs) - restore_kept(session, job_id=group.job_id, seqs=seqs):
            raise BatchMismatch(f"tasks {sorted(unknown)} of group {group.id} have no first answer to fall back on")


def _insert_attempts(session: Session, *, group: HeldGroup, attempts: Sequence[NewAttempt]) -> None:
    source = {"tenant_id": group.tenant_id, "job_id": group.job_id, "grp_id": group.id, "fence": group.fence}
    session.execute(insert(AttemptRow), [source | _attempt_values(attempt) for attempt in attempts])


def _attempt_values(attempt: NewAttempt) -> dict[str, object]:
    return {
        "seq": attempt.seq,
        "error_code": attempt.error_code,
        "error_message": replace_unstorable(attempt.error_message),
        "prompt_tokens": attempt.prompt_tokens,
        "output_tokens": attempt.output_tokens,
        "cost": attempt.cost,
    }
