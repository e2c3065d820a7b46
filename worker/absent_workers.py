"""Which workers are needed and not there, in words that say how to start one."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.strategies import StoredStrategy, read_strategies
from db.workers import SeenWorker, list_workers
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_queue

CONSEQUENCES = {
    ROUTER: "nothing is routed",
    RECONCILER: "what a lost worker held stays with it, and lost rings are not rung again",
    TRAINER: "nobody trains",
}


def describe_absent(session: Session, *, strategy_ids: Sequence[int]) -> list[str]:
    """One sentence for each queue that nobody serves and without which jobs of these strategies do not come far.

    Then one for each strategy that no worker of its engine has in its file as the job has it.
    """
    workers = [seen for seen in list_workers(session) if not seen.is_silent]
    served = {queue for seen in workers for queue in seen.queues}
    stored = read_strategies(session, strategy_ids=strategy_ids)
    sentences = {role: describe_absent_role(role) for role in (ROUTER, RECONCILER)}
    for engine in sorted({str(row.spec["engine"]) for row in stored}):
        sentences[engine_queue(engine)] = describe_absent_engine(engine)
    absent = [sentence for queue, sentence in sentences.items() if queue not in served]
    return absent + [sentence for row in stored if (sentence := _describe_unknown(row, workers))]


def _describe_unknown(strategy: StoredStrategy, workers: Sequence[SeenWorker]) -> str | None:
    """What to do where workers serve its engine, and all have another version of it."""
    queue = engine_queue(str(strategy.spec["engine"]))
    able = [seen for seen in workers if queue in seen.queues]
    if not able or any(strategy.id in seen.strategy_ids for seen in able):
        return None
    owners = ", ".join(seen.owner for seen in able)
    return (
        f"strategy {strategy.name} has another price or other settings here than with {owners}, so its tasks wait: "
        f"start the worker of engine {strategy.spec['engine']} again with this strategy file"
    )


def describe_absent_role(role: str) -> str:
    """What nobody does, and how to start somebody who does it."""
    needs = " --strategies FILE" if role == TRAINER else ""
    return f"no {role} is at work, so {CONSEQUENCES[role]}: start one with `apportion worker {role}{needs}`"


def describe_absent_engine(engine: str) -> str:
    """The same of an engine."""
    return (
        f"no worker serves engine {engine}: start one with `apportion worker {engine_queue(engine)} --strategies FILE`"
    )
