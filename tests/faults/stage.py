"""Everything that runs while the fault suite disturbs it: servers, workers, an observer."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.brokers import Broker
from tests.faults.fleet import Fleet, run_fleet
from tests.faults.load import ENGINE, write_strategies
from tests.faults.observer import Observer
from tests.faults.script import Script
from tests.faults.wrong_database import WrongDatabase
from tests.waiting import wait_until
from tests.worker.postgres_folders import postmaster_of
from worker.postgres import EmbeddedPostgres
from worker.queues import RECONCILER, ROUTER, engine_queue
from worker.settings import Settings

IMMEDIATE_SHUTDOWN = signal.SIGQUIT  # what `pg_ctl stop -m immediate` sends
ENGINES = ("engine-a", "engine-b")
ROUTERS = ("router-a", "router-b")
RECONCILERS = ("reconciler-a", "reconciler-b")
POSTS = (
    {name: [engine_queue(ENGINE)] for name in ENGINES}
    | {name: [ROUTER] for name in ROUTERS}
    | {name: [RECONCILER] for name in RECONCILERS}
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """What mishaps meet."""

    settings: Settings
    url: str  # of the database
    postgres: EmbeddedPostgres
    database: WrongDatabase
    broker: Broker
    fleet: Fleet
    observer: Observer
    folder: Path

    def kill_postgres(self, signal_number: int) -> float:
        """End the server at once and start it again; the moment at which it answers."""
        postmaster = postmaster_of(self.folder / "postgres")
        assert postmaster is not None
        os.kill(postmaster.pid, signal_number)
        wait_until(lambda: not postmaster.is_running())
        assert self.postgres.start() == self.url
        return time.monotonic()

    def set_clocks_of_workers(self, error_seconds: float) -> None:
        """Every worker's wall clock is wrong by so much, from now on."""
        fresh = self.folder / "clock.new"
        fresh.write_text(str(error_seconds))
        fresh.rename(self.folder / "clock")

    def let_engine_hang(self, name: str) -> None:
        """The engine of this worker answers nothing more."""
        (self.folder / f"hang-{name}").touch()


@contextmanager
def set_stage(broker: Broker, *, folder: Path, script: Script, lease_seconds: float) -> Iterator[Stage]:
    """Servers and workers that are ready; the folder is one that the database's user can reach."""
    script.write(folder / "script.json")
    logs = folder / "logs"
    logs.mkdir()
    postgres = EmbeddedPostgres(folder / "postgres")
    with postgres as url:
        settings = Settings(
            database_url=url,
            broker_url=broker.url,
            strategies=write_strategies(folder),
            data_directory=folder / "postgres",
            cache_directory=folder / "cache",
            lease_seconds=lease_seconds,
            stall_seconds=2.0,
        )
        database = WrongDatabase(url)
        environ = {"FAULTS_FOLDER": str(folder)}
        with (
            run_fleet(settings, folder=logs, app="tests.faults.faulty_app", environ=environ) as fleet,
            Observer(url) as observer,
        ):
            fleet.staff(POSTS)
            yield Stage(
                settings=settings,
                url=url,
                postgres=postgres,
                database=database,
                broker=broker,
                fleet=fleet,
                observer=observer,
                folder=folder,
            )
