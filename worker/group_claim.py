"""A group claimed together with its tasks, in one transaction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.groups import ClaimedGroup, claim_group
from db.session import run_in_transaction
from db.tasks import StoredTask, read_tasks
from worker.attempt import Assigned
from worker.pool import PricedStrategy
from worker.task_line import parse_task_line


class ClaimedWork(NamedTuple):
    """A group under our lease, and what its tasks ask."""

    group: ClaimedGroup
    tasks: Sequence[Assigned]


def claim_work(
    database: Database, *, job_id: int | None, owner: str, lease_seconds: float, served: Mapping[int, PricedStrategy]
) -> ClaimedWork | None:
    """The next ready group of the strategies that are served now, by database id; None when there is none."""

    def claim(session: Session) -> tuple[ClaimedGroup, list[StoredTask]] | None:
        group = claim_group(session, owner=owner, lease_seconds=lease_seconds, strategy_ids=list(served), job_id=job_id)
        return None if group is None else (group, read_tasks(session, job_id=group.job_id, seqs=group.seqs))

    claimed = run_in_transaction(database, claim)
    if claimed is None:
        return None
    group, stored = claimed
    return ClaimedWork(group, _assign(group, stored, served[group.strategy_id]))


def _assign(group: ClaimedGroup, stored: Sequence[StoredTask], priced: PricedStrategy) -> list[Assigned]:
    return [
        Assigned(
            seq=task.seq,
            line=parse_task_line(task.payload),
            priced=priced,
            amount=amount,
            least=least,
            lost_workers=lost_workers,
        )
        for task, amount, least, lost_workers in zip(
            stored, group.amounts, group.least, group.past_attempts, strict=True
        )
    ]
