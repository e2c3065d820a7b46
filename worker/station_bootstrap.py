"""Builds what a worker process works with: a role for each queue that it consumes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine as Database

from db.session import run_in_transaction
from worker.bootstrap import Workshop, build_engine
from worker.database import end_frozen_transactions, open_database
from worker.engine_room import EngineRoom
from worker.errors import SettingError
from worker.pool import load_pool, register_pool
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_of
from worker.ringer import Ringer
from worker.roles.engine_role import EngineRole
from worker.roles.protocol import Role
from worker.roles.reconciler_role import ReconcilerRole
from worker.roles.role_thread import RoleThread
from worker.roles.router_role import RouterRole
from worker.roles.trainer_role import TrainerRole
from worker.settings import Settings
from worker.station import Station
from worker.submission import TENANT


@dataclass(frozen=True, kw_only=True, eq=False)
class _Means:
    """What the roles of a process share."""

    settings: Settings
    database: Database
    workshop: Workshop | None  # of the strategy file; None where no role needs one
    ring: Callable[[str], None]


@contextmanager
def open_station(
    settings: Settings, *, queues: Sequence[str], send_ring: Callable[[str], None], on_failed: Callable[[], None]
) -> Iterator[Station]:
    """A station that works for as long as the block lasts; SettingError for a queue that it can not serve."""
    check_queues(queues, settings=settings)
    with open_database(settings) as database:
        end_frozen_transactions(database, after_seconds=settings.lease_seconds)
        ringer = Ringer(send_ring)
        workshop = _open_workshop(settings, database=database) if any(map(_needs_strategies, queues)) else None
        means = _Means(settings=settings, database=database, workshop=workshop, ring=ringer.ring)
        threads = {queue: _make_thread(queue, means=means, on_failed=on_failed) for queue in queues}
        station = Station(database, ringer=ringer, drain_seconds=settings.drain_seconds)
        station.start(threads, strategy_ids=_list_served(queues, workshop))
        try:
            yield station
        finally:
            station.stop()


def check_queues(queues: Sequence[str], *, settings: Settings) -> None:
    """SettingError for a queue that no worker of these settings can serve."""
    for queue in queues:
        if queue not in (ROUTER, RECONCILER, TRAINER) and engine_of(queue) is None:
            raise SettingError(
                f"there is no queue {queue}: a worker consumes {ROUTER}, {RECONCILER}, {TRAINER} or engine.NAME"
            )
        if settings.strategies is None and _needs_strategies(queue):
            raise SettingError(
                f"a worker of queue {queue} needs the strategy file: name it in APPORTION_STRATEGIES, or let -Q name "
                f"only {ROUTER} and {RECONCILER}"
            )


def _needs_strategies(queue: str) -> bool:
    """Routers and reconcilers read everything from the database: a model's weights may be nowhere near them."""
    return queue == TRAINER or engine_of(queue) is not None


def _open_workshop(settings: Settings, *, database: Database) -> Workshop:
    assert settings.strategies is not None
    pool = load_pool(settings.strategies, cache_directory=settings.cache_directory)
    strategy_ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id=TENANT, pool=pool))
    return Workshop(settings=settings, database=database, pool=pool, strategy_ids=strategy_ids, watch=lambda _: None)


def _list_served(queues: Sequence[str], workshop: Workshop | None) -> list[int]:
    """The strategies whose groups this process claims."""
    engines = [engine for engine in map(engine_of, queues) if engine is not None]
    if workshop is None:
        return []
    return [key for engine in engines for key in _keep_engine(workshop, engine).strategy_ids]


def _keep_engine(workshop: Workshop, engine: str) -> Workshop:
    """The workshop of this engine's strategies alone."""
    asking = [
        position for position, priced in enumerate(workshop.pool.strategies) if priced.strategy.engine.name == engine
    ]
    if not asking:
        raise SettingError(
            f"no strategy of {workshop.pool.source} asks engine {engine}: it has {', '.join(workshop.pool.models)}"
        )
    return workshop.keep(asking)


def _make_thread(queue: str, *, means: _Means, on_failed: Callable[[], None]) -> RoleThread:
    thread: RoleThread

    def make(is_draining: Callable[[], bool]) -> Role:
        return _make_role(queue, means=means, is_draining=is_draining, wake=thread.wake)

    thread = RoleThread(make, queue=queue, on_failed=on_failed)
    return thread


def _make_role(queue: str, *, means: _Means, is_draining: Callable[[], bool], wake: Callable[[], None]) -> Role:
    if queue == ROUTER:
        return RouterRole(database=means.database, settings=means.settings, is_draining=is_draining, ring=means.ring)
    if queue == RECONCILER:
        return ReconcilerRole(
            database=means.database,
            is_draining=is_draining,
            ring=means.ring,
            lease_seconds=means.settings.lease_seconds,
        )
    assert means.workshop is not None, "checked before"
    if queue == TRAINER:
        return TrainerRole(workshop=means.workshop, is_draining=is_draining)
    engine = engine_of(queue)
    assert engine is not None, "checked before"
    own = _keep_engine(means.workshop, engine)
    return EngineRole(
        engine=engine,
        room=EngineRoom(own.pool, build=partial(build_engine, settings=means.settings)),
        database=means.database,
        strategies=dict(zip(own.strategy_ids, own.pool.strategies, strict=True)),
        settings=means.settings,
        is_draining=is_draining,
        ring=means.ring,
        wake=wake,
    )
