"""Workers of the distributed mode as a test sees them: started, killed, frozen, drained."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until
from worker.local_workers import LocalWorker, start_worker
from worker.settings import Settings, give_environment

START_SECONDS = 180.0  # the first router of a checkout compiles the allocator


class Fleet:
    """Celery workers by name, each started as often as a test asks for it."""

    def __init__(
        self, settings: Settings, *, folder: Path, app: str = "worker.app", environ: Mapping[str, str] | None = None
    ) -> None:
        self._environ = give_environment(settings) | dict(environ or {})
        self._folder = folder
        self._app = app
        self._started = 0
        self._workers: dict[str, LocalWorker] = {}
        self._queues: dict[str, Sequence[str]] = {}
        self.deaths: list[str] = []  # of workers that nobody killed, each with the end of its log

    def start(self, name: str, *queues: str) -> LocalWorker:
        """A new process of this name, in the place of one that has ended."""
        assert not self.is_running(name)
        if name in self._workers:
            self._workers[name].wait()  # whoever ended by itself left a pipe
        self._started += 1  # a log for each process
        environ = self._environ | {"FAULTS_WORKER": name}
        worker = start_worker(
            f"{name}-{self._started}", queues=queues, environ=environ, log_directory=self._folder, app=self._app
        )
        self._workers[name], self._queues[name] = worker, queues
        return worker

    def staff(self, posts: Mapping[str, Sequence[str]]) -> None:
        """Exactly these workers are ready, by name with their queues: the ones that are there, or new ones."""
        for name in self._workers.keys() - posts.keys():
            self.kill(name)
        for name, queues in posts.items():
            if not self.is_running(name):
                self.start(name, *queues)
        self.wait_until_ready(*posts)

    def restart(self, name: str) -> LocalWorker:
        """The same again."""
        return self.start(name, *self._queues[name])

    def restart_dead(self) -> None:
        """What a service manager does; whoever ended by itself is noted."""
        for name in self._workers:
            if not self.is_running(name):
                self.deaths.append(f"{name}: {self.log_of(name)[-1000:]}")
                self.restart(name)

    def wait_until_revived(self, *names: str) -> None:
        """Return when these workers are ready, with a new process in the place of each that died."""

        def are_ready() -> bool:
            self.restart_dead()
            return all(map(self._is_ready, names))

        wait_until(are_ready, seconds=START_SECONDS)

    def wait_until_ready(self, *names: str) -> None:
        """Return when every role of these workers can work, and they listen to their broker."""
        wait_until(lambda: all(map(self._is_ready, names)), seconds=START_SECONDS)

    def is_running(self, name: str) -> bool:
        return name in self._workers and self._workers[name].process.poll() is None

    def kill(self, name: str) -> None:
        """As the out-of-memory killer does; also where it is frozen."""
        if self.is_running(name):
            self._workers[name].kill()

    def freeze(self, name: str) -> None:
        """The process stands still, and does not know it."""
        self._workers[name].process.send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """It goes on as if nothing had been."""
        self._workers[name].process.send_signal(signal.SIGCONT)

    def drain(self, name: str) -> int:
        """Its exit code after SIGTERM."""
        return self._workers[name].stop()

    def pid_of(self, name: str) -> int:
        return self._workers[name].process.pid

    def log_of(self, name: str) -> str:
        return self._workers[name].log.read_text()

    def kill_all(self) -> None:
        for name in self._workers:
            self.kill(name)

    def _is_ready(self, name: str) -> bool:
        log = self.log_of(name)
        assert self.is_running(name), log[-2000:]
        return all(f"{queue}: ready" in log for queue in self._queues[name]) and " ready.\n" in log


@contextmanager
def run_fleet(
    settings: Settings, *, folder: Path, app: str = "worker.app", environ: Mapping[str, str] | None = None
) -> Iterator[Fleet]:
    """A fleet without workers; those that are started in the block end with it."""
    fleet = Fleet(settings, folder=folder, app=app, environ=environ)
    try:
        yield fleet
    finally:
        fleet.kill_all()
