"""What happens to a running system: one function for each mishap, with a random generator for its details."""

import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from tests.faults.losses import Loss, read_loss, read_true_time
from tests.faults.stage import ENGINES, IMMEDIATE_SHUTDOWN, RECONCILERS, ROUTERS, Stage
from worker.celery_app import WAKE, StationOf, make_celery
from worker.queues import RECONCILER, ROUTER, engine_queue

HOUR_SECONDS = 3600.0
RINGS = 300


class Mishap(StrEnum):
    """A kind of fault; its value is its name in tables."""

    KILL_ENGINE = "engine worker killed"
    KILL_ROUTER = "router worker killed"
    KILL_RECONCILER = "reconciler killed"
    FREEZE_ENGINE = "engine worker frozen past its lease"
    FREEZE_ROUTER = "router worker frozen past its lease"
    FREEZE_RECONCILER = "reconciler frozen past a lease"
    WIPE_BROKER = "broker wiped"
    RESTART_BROKER = "broker killed and restarted"
    STOP_POSTGRES = "Postgres stopped at once and restarted"
    KILL_POSTGRES = "Postgres killed and restarted"
    SCRAMBLE_RINGS = "rings doubled, out of order, too old"
    STEP_CLOCK = "clocks stepped by an hour"
    FILL_DISK = "database's disk full"
    HANG_ENGINE = "engine hung"


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What is needed to tell, later, how long it took until all was well again."""

    mishap: Mishap
    at: float  # from this moment of the monotonic clock on work should go on
    loss: Loss | None = None  # what a lost worker held


def kill_worker(stage: Stage, dice: random.Random, *, names: Sequence[str], mishap: Mishap) -> Trace:
    """SIGKILL, while its peer can work; whoever looks after workers starts a new one after a while."""
    stage.fleet.wait_until_revived(*names)
    name = dice.choice(names)
    stage.fleet.freeze(name)  # so that it holds then what we read now
    loss = read_loss(stage.url, pid=stage.fleet.pid_of(name))
    stage.fleet.kill(name)
    moment = time.monotonic()
    time.sleep(dice.uniform(0, 1))
    stage.fleet.restart(name)
    return Trace(mishap=mishap, at=moment, loss=loss)


def freeze_worker(stage: Stage, dice: random.Random, *, names: Sequence[str], mishap: Mishap) -> Trace:
    """SIGSTOP for longer than its lease, while its peer can work; then SIGCONT."""
    stage.fleet.wait_until_revived(*names)
    name = dice.choice(names)
    stage.fleet.freeze(name)
    moment = time.monotonic()
    loss = read_loss(stage.url, pid=stage.fleet.pid_of(name))
    time.sleep(stage.settings.lease_seconds + dice.uniform(1, 2))
    stage.fleet.thaw(name)
    return Trace(mishap=mishap, at=moment, loss=loss)


def wipe_broker(stage: Stage, _: random.Random) -> Trace:
    stage.broker.wipe()
    return Trace(mishap=Mishap.WIPE_BROKER, at=time.monotonic())


def restart_broker(stage: Stage, dice: random.Random) -> Trace:
    with stage.broker.down():
        moment = time.monotonic()
        time.sleep(dice.uniform(0, 1))
    return Trace(mishap=Mishap.RESTART_BROKER, at=moment)


def end_postgres(stage: Stage, _: random.Random, *, signal_number: int, mishap: Mishap) -> Trace:
    return Trace(mishap=mishap, at=stage.kill_postgres(signal_number))


def scramble_rings(stage: Stage, dice: random.Random) -> Trace:
    """Rings of all queues, some of them the same message again, some too old, in any order."""
    app = make_celery(stage.settings, station_of=StationOf())
    queues = (ROUTER, RECONCILER, engine_queue("scripted"))
    with app.connection_for_write() as connection, connection.Producer() as producer:
        for _ in range(RINGS):
            queue, told = dice.choice(queues), dice.choice((*queues, "engine.unheard-of"))
            number = str(dice.randrange(RINGS // 3))
            expires = dice.choice((None, -HOUR_SECONDS, 0.001, 10.0))
            app.send_task(WAKE, [told], queue=queue, task_id=number, expires=expires, producer=producer)
    app.close()
    return Trace(mishap=Mishap.SCRAMBLE_RINGS, at=time.monotonic())


def step_clock(stage: Stage, dice: random.Random) -> Trace:
    """The database's clock and the workers', each its own way; an engine worker is lost before they are set right."""
    stage.database.step_clock(dice.choice((-HOUR_SECONDS, HOUR_SECONDS)))
    stage.set_clocks_of_workers(dice.choice((-HOUR_SECONDS, HOUR_SECONDS)))
    time.sleep(dice.uniform(0.5, 2))
    lost = kill_worker(stage, dice, names=ENGINES, mishap=Mishap.STEP_CLOCK).loss
    stage.database.step_clock(0.0)
    stage.set_clocks_of_workers(0.0)
    loss = None if lost is None else replace(lost, at=read_true_time(stage.url))
    return Trace(mishap=Mishap.STEP_CLOCK, at=time.monotonic(), loss=loss)


def fill_disk(stage: Stage, dice: random.Random) -> Trace:
    stage.database.fill_disk()
    time.sleep(dice.uniform(0.5, 4))
    stage.database.free_disk()
    return Trace(mishap=Mishap.FILL_DISK, at=time.monotonic())


def hang_engine(stage: Stage, dice: random.Random) -> Trace:
    stage.fleet.wait_until_revived(*ENGINES)
    name = dice.choice(ENGINES)
    loss = read_loss(stage.url, pid=stage.fleet.pid_of(name))
    stage.let_engine_hang(name)
    return Trace(mishap=Mishap.HANG_ENGINE, at=time.monotonic(), loss=loss)


MISHAPS: Mapping[Mishap, Callable[[Stage, random.Random], Trace]] = {
    Mishap.KILL_ENGINE: partial(kill_worker, names=ENGINES, mishap=Mishap.KILL_ENGINE),
    Mishap.KILL_ROUTER: partial(kill_worker, names=ROUTERS, mishap=Mishap.KILL_ROUTER),
    Mishap.KILL_RECONCILER: partial(kill_worker, names=RECONCILERS, mishap=Mishap.KILL_RECONCILER),
    Mishap.FREEZE_ENGINE: partial(freeze_worker, names=ENGINES, mishap=Mishap.FREEZE_ENGINE),
    Mishap.FREEZE_ROUTER: partial(freeze_worker, names=ROUTERS, mishap=Mishap.FREEZE_ROUTER),
    Mishap.FREEZE_RECONCILER: partial(freeze_worker, names=RECONCILERS, mishap=Mishap.FREEZE_RECONCILER),
    Mishap.WIPE_BROKER: wipe_broker,
    Mishap.RESTART_BROKER: restart_broker,
    Mishap.STOP_POSTGRES: partial(end_postgres, signal_number=IMMEDIATE_SHUTDOWN, mishap=Mishap.STOP_POSTGRES),
    Mishap.KILL_POSTGRES: partial(end_postgres, signal_number=signal.SIGKILL, mishap=Mishap.KILL_POSTGRES),
    Mishap.SCRAMBLE_RINGS: scramble_rings,
    Mishap.STEP_CLOCK: step_clock,
    Mishap.FILL_DISK: fill_disk,
    Mishap.HANG_ENGINE: hang_engine,
}
