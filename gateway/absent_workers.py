"""Which workers are needed and not there, in words that say how to start one."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.strategies import read_strategies
from db.workers import list_served_queues
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_queue

CONSEQUENCES = {
    ROUTER: "nothing is routed",
    RECONCILER: "what a lost worker held stays with it, and lost rings are not rung again",
    TRAINER: "nobody trains",
}


def describe_absent(session: Session, *, strategy_ids: Sequence[int]) -> list[str]:
    """One sentence for each queue that nobody serves and without which jobs of these strategies do not come far."""
    served = list_served_queues(session)
    sentences = {role: describe_absent_role(role) for role in (ROUTER, RECONCILER)}
    for engine in sorted({str(row.spec["engine"]) for row in read_strategies(session, strategy_ids=strategy_ids)}):
        sentences[engine_queue(engine)] = describe_absent_engine(engine)
    return [sentence for queue, sentence in sentences.items() if queue not in served]


def describe_absent_role(role: str) -> str:
    """What nobody does, and how to start somebody who does it."""
    needs = " --strategies FILE" if role == TRAINER else ""
    return f"no {role} is at work, so {CONSEQUENCES[role]}: start one with `apportion worker {role}{needs}`"


def describe_absent_engine(engine: str) -> str:
    """The same of an engine."""
    return (
        f"no worker serves engine {engine}: start one with `apportion worker {engine_queue(engine)} --strategies FILE`"
    )
