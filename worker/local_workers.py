"""Workers on this machine, as processes of their own: for the example night, and for tests that kill them."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.settings import Settings, give_environment

LONGEST_DRAIN_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalWorker:
    """A Celery worker that was started here, and its log."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def stop(self) -> int:
        """Its exit code, once it has drained."""
        self.drain()
        return self.wait()

    def drain(self) -> None:
        """Ask it to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """As the out-of-memory killer does."""
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(timeout=LONGEST_DRAIN_SECONDS)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return code


def start_worker(
    name: str, *, queues: Sequence[str], environ: Mapping[str, str], log_directory: Path, app: str = "worker.app"
) -> LocalWorker:
    """A worker of these queues under this environment, which drains when this process is gone; `app` is the module of
    its Celery application."""
    log = log_directory / f"{name}.log"
    command = [sys.executable, "-m", "worker.tied_worker", "-A", app, "worker", "-Q", ",".join(queues)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "-n", f"{name}@%h", "--loglevel", "INFO", "--without-gossip", "--without-mingle"],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C ends the command that asks; that one drains its workers
        )
    return LocalWorker(name=name, process=process, log=log)


@contextmanager
def run_workers(
    settings: Settings, *, queues: Mapping[str, Sequence[str]], log_directory: Path
) -> Iterator[list[LocalWorker]]:
    """Workers by name, for as long as the block lasts; drained at its end."""
    workers: list[LocalWorker] = []
    try:
        for name, own in queues.items():
            environ = give_environment(settings)
            workers.append(start_worker(name, queues=own, environ=environ, log_directory=log_directory))
        yield workers
    finally:
        for worker in workers:
            worker.drain()
        for worker in workers:
            worker.wait()
