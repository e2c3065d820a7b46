"""Second chances with the names of their strategies, as decisions tell them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy.orm import Session

from db.jobs import Job
from db.second_chances import iterate_second_chances


class ToldChance(NamedTuple):
    """What became of a task whose first answer was invalid; costs in quanta."""

    failure: str  # why it was
    first: str  # the strategy that gave it
    first_cost: int
    second: str | None  # the strategy that was asked once more; None where none was worth it
    second_cost: int
    final: str | None  # "first" or "second": whose answer the task has; None while neither


def tell_second_chances(
    session: Session, *, job: Job, names: Mapping[int, str], lo: int = 0, hi: int | None = None
) -> Iterator[tuple[int, ToldChance]]:
    """Those of tasks lo..hi-1 with their tasks, in order; nothing of a job without second chances."""
    if not job.second_chances:
        return
    for chance in iterate_second_chances(session, job_id=job.id, lo=lo, hi=hi):
        told = {None: None, True: "first", False: "second"}[chance.is_first_final]
        yield (
            chance.seq,
            ToldChance(
                failure=chance.failure,
                first=names[chance.first_strategy_id],
                first_cost=chance.first_cost,
                second=None if chance.second_strategy_id is None else names[chance.second_strategy_id],
                second_cost=chance.second_cost,
                final=told,
            ),
        )
