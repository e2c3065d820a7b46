"""A group claimed together with its tasks, in one transaction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.groups import ClaimedGroup, claim_group
from db.kept_answers import KeptAnswer, read_kept
from db.session import run_in_transaction
from db.tasks import StoredTask, read_tasks
from db.twins import Twin, read_twins
from router.second_chance import Failure, Verdict
from worker.attempt import Assigned, AssignedTwin
from worker.pool import PricedStrategy
from worker.prefix_order import order_by_prefix
from worker.task_line import parse_task_line


class ClaimedWork(NamedTuple):
    """A group under our lease, and its tasks in the order in which they are asked."""

    group: ClaimedGroup
    tasks: Sequence[Assigned]


def claim_work(
    database: Database,
    *,
    job_id: int | None,
    owner: str,
    lease_seconds: float,
    served: Mapping[int, PricedStrategy],
    held_before: bool,
) -> ClaimedWork | None:
    """The next ready group of the strategies that are served now, by database id; None when there is none.

    With `held_before` only one that another claim has left unfinished.
    """

    def claim(session: Session) -> _Claimed | None:
        group = claim_group(
            session,
            owner=owner,
            lease_seconds=lease_seconds,
            strategy_ids=list(served),
            job_id=job_id,
            held_before=held_before,
        )
        return None if group is None else _read(session, group)

    claimed = run_in_transaction(database, claim)
    if claimed is None:
        return None
    return ClaimedWork(claimed.group, order_by_prefix(_assign(*claimed, served[claimed.group.strategy_id])))


class _Claimed(NamedTuple):
    group: ClaimedGroup
    stored: Sequence[StoredTask]
    twins: Sequence[Twin]
    kept: Mapping[int, KeptAnswer]


def _read(session: Session, group: ClaimedGroup) -> _Claimed:
    stored = read_tasks(session, job_id=group.job_id, seqs=group.seqs)
    twins = read_twins(session, job_id=group.job_id, leader_seqs=group.seqs) if group.has_twins else []
    kept = read_kept(session, job_id=group.job_id, seqs=group.seqs) if group.second_chances else {}
    return _Claimed(group, stored, twins, kept)


def _assign(
    group: ClaimedGroup,
    stored: Sequence[StoredTask],
    twins: Sequence[Twin],
    kept: Mapping[int, KeptAnswer],
    priced: PricedStrategy,
) -> list[Assigned]:
    waiting: dict[int, list[AssignedTwin]] = {}
    for twin in twins:
        own = AssignedTwin(seq=twin.seq, grader=parse_task_line(twin.payload).grader)
        waiting.setdefault(twin.leader_seq, []).append(own)
    return [
        Assigned(
            seq=task.seq,
            line=parse_task_line(task.payload),
            priced=priced,
            amount=amount,
            least=least,
            lost_workers=lost_workers,
            propensity=propensity,
            twins=waiting.get(task.seq, ()),
            kept=Verdict(Failure(first.failure), first.score) if (first := kept.get(task.seq)) else None,
        )
        for task, amount, least, lost_workers, propensity in zip(
            stored, group.amounts, group.least, group.past_attempts, group.propensities, strict=True
        )
    ]
