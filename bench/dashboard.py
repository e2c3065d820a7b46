"""Prints what the dashboard's pages take of the server with a job of a million tasks, and how large they are.

    python -m bench.dashboard [--quick] [--json]

The job is that of bench/queue.py, answered by the same workers, on a Postgres and a Redis of its own. Then each page is
asked for again and again, through the whole application but without a socket.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine
from starlette.testclient import TestClient

from bench.figures import Figure, print_figures
from bench.queue_job import STRATEGY_FILE
from bench.queue_own import measure_own
from gateway.api.app import create_app
from gateway.bootstrap import build_front_door
from router.warm_up import compile_kernels
from worker.migration import migrate
from worker.pool import read_strategy_file
from worker.postgres import EmbeddedPostgres
from worker.settings import Settings

MILLION = 1_000_000
QUICK_TASKS = 100_000
LOOKS = 15
JOB_PAGE = "/jobs/1"
PAGES = (
    "/jobs",
    JOB_PAGE,
    f"{JOB_PAGE}/live",
    f"{JOB_PAGE}/tasks",
    f"{JOB_PAGE}/tasks/77777",
    "/strategies",
    "/budgets/1",
)
MOST_MS, MOST_BYTES = 150, 500_000


@dataclass(frozen=True, kw_only=True)
class PageLooks:
    """What one page took."""

    path: str
    first_ms: float  # when nobody has asked for it before
    median_ms: float
    largest_ms: float  # of those after the first
    size_bytes: int


def look_at_pages(server_url: str, *, folder: Path) -> list[PageLooks]:
    """Every page, asked for again and again; the allocator is compiled before."""
    compile_kernels()
    file = folder / "strategies.yaml"
    file.write_text(STRATEGY_FILE, encoding="utf-8")
    database = create_engine(server_url)
    door = build_front_door(
        Settings(data_directory=folder, cache_directory=folder),
        database=database,
        pool=read_strategy_file(file),
        strategy_file=file,
        desk_is_at_work=lambda: True,
    )
    try:
        with TestClient(create_app(door), base_url="http://localhost") as client:
            return [_look(client, path) for path in PAGES]
    finally:
        database.dispose()


def _look(client: TestClient, path: str) -> PageLooks:
    milliseconds, size_bytes = [], 0
    for _ in range(1 + LOOKS):
        started = time.perf_counter()
        reply = client.get(f"/dashboard{path}")
        milliseconds.append(1000 * (time.perf_counter() - started))
        assert reply.status_code == 200, reply.text
        size_bytes = len(reply.content)
    first, *later = milliseconds
    return PageLooks(
        path=path,
        first_ms=first,
        median_ms=statistics.median(later),
        largest_ms=max(later),
        size_bytes=size_bytes,
    )


def print_pages(pages: Sequence[PageLooks], *, tasks: int) -> None:
    """A line for each page."""
    print(f"a job of {tasks:,} tasks; load {os.getloadavg()[0]:.1f}")
    print("page                    first   median   largest        kB")
    for page in pages:
        times = f"{page.first_ms:>8.0f}{page.median_ms:>9.0f}{page.largest_ms:>10.0f} ms"
        print(f"{page.path:<20}{times}{page.size_bytes / 1000:>7.0f}")


def list_figures(pages: Sequence[PageLooks]) -> list[Figure]:
    """The measured numbers beside their goals."""
    job = next(page for page in pages if page.path == JOB_PAGE)
    largest = max(page.size_bytes for page in pages)
    return [
        Figure("job page", job.median_ms, "ms", f"<= {MOST_MS}", job.median_ms <= MOST_MS),
        Figure("job page, first look", job.first_ms, "ms", f"<= {MOST_MS}", job.first_ms <= MOST_MS),
        Figure("largest page", largest / 1000, "kB", f"<= {MOST_BYTES // 1000}", largest <= MOST_BYTES),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    tasks = QUICK_TASKS if arguments.quick else MILLION
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    try:
        with EmbeddedPostgres(folder / "postgres") as server_url:
            migrate(server_url)
            measure_own(tasks, server_url=server_url, folder=folder)
            pages = look_at_pages(server_url, folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_pages(pages, tasks=tasks)
    print_figures(list_figures(pages), as_json=arguments.json)


if __name__ == "__main__":
    main()
