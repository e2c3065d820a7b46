"""Workers: who is there, who is missing, what waits for nobody, and which strategies are left alone."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from db.breakers import list_open_breakers
from db.job_list import count_open_jobs
from db.strategies import read_strategies
from db.training_requests import has_open_request
from db.waiting_groups import WaitingStrategy, list_waiting_strategies
from db.workers import SeenWorker, list_workers
from gateway.doctor.finding import Finding
from worker.absent_workers import describe_absent_engine, describe_absent_role
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_queue


def look_at_workers(session: Session, *, has_workers: bool) -> Iterator[Finding]:
    """Each that was seen within a day; then what nobody does, where workers are to do it."""
    workers = list_workers(session)
    served = {queue for seen in workers if not seen.is_silent for queue in seen.queues}
    is_busy = has_workers and count_open_jobs(session) > 0
    for seen in workers:
        is_missed = is_busy and not served.issuperset(seen.queues)
        yield _describe_lost(seen, is_missed=is_missed) if seen.is_silent else _describe_worker(seen)
    if not has_workers:
        return
    if is_busy:
        yield from (Finding(False, describe_absent_role(role)) for role in (ROUTER, RECONCILER) if role not in served)
    serving = {key for seen in workers if not seen.is_silent for key in seen.strategy_ids}
    for waiting in list_waiting_strategies(session):
        if waiting.strategy_id not in serving:
            yield _describe_waiting(waiting, is_served=engine_queue(waiting.engine) in served)


def look_at_requests(session: Session, *, has_workers: bool) -> Iterator[Finding]:
    """Trainings that somebody waits for."""
    if has_workers and has_open_request(session):
        served = {queue for seen in list_workers(session) if not seen.is_silent for queue in seen.queues}
        if TRAINER not in served:
            yield Finding(False, describe_absent_role(TRAINER))


def look_at_breakers(session: Session) -> Iterator[Finding]:
    """Strategies that fail, and why."""
    breakers = list_open_breakers(session)
    stored = read_strategies(session, strategy_ids=[breaker.strategy_id for breaker in breakers])
    names = {row.id: row.name for row in stored}
    for breaker in breakers:
        yield Finding(
            False,
            f"strategy {names[breaker.strategy_id]} keeps failing and is left alone for another "
            f"{breaker.seconds_left:.0f} s, its tasks go to others: {breaker.reason}. Look at its engine's log or "
            "server; it is tried again after that",
        )


def _describe_worker(seen: SeenWorker) -> Finding:
    since = f"{seen.started_at:%Y-%m-%d %H:%M} UTC"
    return Finding(True, f"worker {seen.owner} ({', '.join(seen.queues)}) is at work since {since}")


def _describe_lost(seen: SeenWorker, *, is_missed: bool) -> Finding:
    does = f"worker {seen.owner} ({', '.join(seen.queues)})"
    silent = f"{does} has been silent for {_say_age(seen.silent_seconds)}: it was lost"
    if not is_missed:
        return Finding(True, f"{silent}; nobody misses it")
    return Finding(
        False,
        f"{silent} or can not reach the database; what it held is taken back when its leases end. Start it again; "
        "it is forgotten after a day",
    )


def _describe_waiting(waiting: WaitingStrategy, *, is_served: bool) -> Finding:
    groups = f"{waiting.groups} groups of strategy {waiting.name} wait"
    if not is_served:
        return Finding(False, f"{groups}: {describe_absent_engine(waiting.engine)}")
    return Finding(
        False,
        f"{groups}: the workers of engine {waiting.engine} have another version of it. Give them the strategy file "
        "that the job was submitted with (APPORTION_STRATEGIES), or cancel the job",
    )


def _say_age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
