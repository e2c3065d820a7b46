"""Workers that were seen lately: for people who look after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.tables import WorkerRow

SILENT_SECONDS = 10.0  # a worker tells of itself every two
FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class SeenWorker:
    """A worker process as it last told of itself."""

    owner: str
    queues: Sequence[str]
    strategy_ids: Sequence[int]
    started_at: datetime
    silent_seconds: float

    @property
    def is_silent(self) -> bool:
        """Whether it has missed several times to tell of itself: it was lost, or can not reach the database."""
        return self.silent_seconds > SILENT_SECONDS


def note_worker(session: Session, *, owner: str, queues: Sequence[str], strategy_ids: Sequence[int]) -> None:
    """This worker is alive."""
    seen = insert(WorkerRow).values(owner=owner, queues=list(queues), strategy_ids=list(strategy_ids))
    own = {"queues": list(queues), "strategy_ids": list(strategy_ids), "seen_at": func.clock_timestamp()}
    session.execute(seen.on_conflict_do_update(index_elements=[WorkerRow.owner], set_=own))


def drop_worker(session: Session, *, owner: str) -> None:
    """This worker has ended as it should."""
    session.execute(delete(WorkerRow).where(WorkerRow.owner == owner))


def list_workers(session: Session) -> list[SeenWorker]:
    """Every worker that was seen within a day and has not said good-bye."""
    silent = func.extract("epoch", func.clock_timestamp() - WorkerRow.seen_at).label("silent_seconds")
    columns = (WorkerRow.owner, WorkerRow.queues, WorkerRow.strategy_ids, WorkerRow.started_at, silent)
    rows = session.execute(select(*columns).order_by(WorkerRow.owner))
    return [SeenWorker(**(row._asdict() | {"silent_seconds": float(row.silent_seconds)})) for row in rows]


def list_served_queues(session: Session) -> set[str]:
    """The queues of workers that told of themselves just now."""
    return {queue for seen in list_workers(session) if not seen.is_silent for queue in seen.queues}


def forget_workers(session: Session) -> None:
    """Those that have not been seen for a day."""
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < func.clock_timestamp() - FORGOTTEN_AFTER))
