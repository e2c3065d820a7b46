"""Prints what the HTTP API takes for a million requests of a gigabyte, and how fast it answers meanwhile.

    python -m bench.gateway [--quick] [--json]

A server (`apportion serve` with workers elsewhere, so that nothing but the API and its desk is measured) on a Postgres
of its own: an upload, its validation, the same bytes back, and the status of a batch of as many requests under load.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx
import numpy as np

from bench.figures import Figure, print_figures
from bench.gateway_load import ask_steadily
from bench.process_use import ProcessUse, read_use
from bench.queue_job import STRATEGY_FILE, store_job, write_lines
from db.batches import create_batch, move_batch
from db.session import session_scope
from db.states import BatchStatus
from gateway.batch_asked import Asked
from gateway.desk.input_file import check_input_file
from gateway.joblines import name_models
from worker.database import open_database
from worker.migration import migrate
from worker.pool import read_strategy_file
from worker.postgres import EmbeddedPostgres
from worker.settings import Settings, give_environment, read_settings
from worker.submission import TENANT

LINES, QUICK_LINES = 1_000_000, 50_000
LINE_BYTES = 1_000
ENDPOINT = "/v1/chat/completions"
ASKED_PER_SECOND, SECONDS, QUICK_SECONDS = 200, 20, 6
BATCH = "batch_bench"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Everything the figures are made of."""

    file_mb: float
    upload_seconds: float
    validation_seconds: float
    server_mib: float  # at its peak
    validation: ProcessUse  # of the process that validates
    download_seconds: float
    status_ms: np.ndarray  # one for each request
    status_cpu_ms: float  # of the server's processor, for a request


@contextmanager
def run_server(folder: Path, url: str) -> Iterator[tuple[Settings, str, int]]:
    """A server that only keeps the API and its desk; its settings, its address, its process."""
    strategies = folder / "strategies.yaml"
    strategies.write_text(STRATEGY_FILE, encoding="utf-8")
    settings = replace(
        read_settings(),
        database_url=url,
        broker_url="redis://127.0.0.1:9/0",  # nobody is there, and nobody is needed
        strategies=strategies,
        data_directory=folder,
    )
    command = [
        sys.executable,
        "-c",
        "from gateway.cli import main; main()",
        "serve",
        "--strategies",
        str(strategies),
        "--port",
        "0",
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=give_environment(settings), stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert server.stdout is not None
    try:
        address = server.stdout.readline().split()[1].removesuffix("/v1")
        yield settings, address, server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


def write_file(path: Path, lines: int) -> None:
    """Lines of a kilobyte."""
    with path.open("w", encoding="utf-8") as stream:
        for task in write_lines(lines):
            stream.write(task.payload + " " * (LINE_BYTES - 1 - len(task.payload)) + "\n")


def upload(client: httpx.Client, path: Path) -> str:
    """The id of the stored file."""
    with path.open("rb") as stream:
        reply = client.post("/v1/files", files={"file": (path.name, stream)}, data={"purpose": "batch"})
    reply.raise_for_status()
    return str(reply.json()["id"])


def download(client: httpx.Client, file_id: str) -> int:
    """How many bytes came."""
    with client.stream("GET", f"/v1/files/{file_id}/content") as reply:
        return sum(len(chunk) for chunk in reply.iter_bytes(2**20))


def store_running_batch(settings: Settings, lines: int) -> None:
    """A batch in progress with a job of so many tasks."""
    enqueued = store_job(settings, tasks=lines)
    with open_database(settings) as database, session_scope(database) as session:
        create_batch(
            session,
            batch_id=BATCH,
            tenant_id=TENANT,
            endpoint=ENDPOINT,
            input_file_id="file",
            completion_window="24h",
            lasts_seconds=86_400,
            asked=Asked().to_json(),
            meta=None,
            request_digest="",
            idempotency_key=None,
            output_expires_seconds=None,
        )
        move_batch(session, batch_id=BATCH, to=BatchStatus.IN_PROGRESS, job_id=enqueued.job_id)


def measure(folder: Path, *, lines: int, seconds: int) -> Measured:
    """One server, one measure after the other."""
    path = folder / "in.jsonl"
    write_file(path, lines)
    with EmbeddedPostgres(folder / "postgres") as url:
        migrate(url)
        with run_server(folder, url) as (settings, address, pid), httpx.Client(base_url=address, timeout=600) as client:
            started = time.monotonic()
            file_id = upload(client, path)
            uploaded = time.monotonic()
            validation = validate_elsewhere(settings, folder / "files" / file_id)
            validated = time.monotonic()
            assert download(client, file_id) == path.stat().st_size
            downloaded = time.monotonic()
            store_running_batch(settings, lines)
            before = read_use(pid)
            waits = asyncio.run(
                ask_steadily(address, f"/v1/batches/{BATCH}", per_second=ASKED_PER_SECOND, seconds=seconds)
            )
            return Measured(
                file_mb=path.stat().st_size / 1e6,
                upload_seconds=uploaded - started,
                validation_seconds=validated - uploaded,
                server_mib=before.peak_rss_mib,
                status_cpu_ms=1000 * (read_use(pid).cpu_seconds - before.cpu_seconds) / len(waits),
                validation=validation,
                download_seconds=downloaded - validated,
                status_ms=1000 * np.array(waits),
            )


def validate_elsewhere(settings: Settings, path: Path) -> ProcessUse:
    """The use of a process that does what the desk does first with a batch of this file."""
    command = [sys.executable, "-m", "bench.gateway", "--validate", str(path), str(settings.strategies)]
    done = subprocess.run(command, env=give_environment(settings), stdout=subprocess.PIPE, text=True, check=True)
    return ProcessUse(**json.loads(done.stdout))


def validate(path: Path, strategy_file: Path) -> ProcessUse:
    """That process's part."""
    models = name_models(read_strategy_file(strategy_file).strategies)
    checked = check_input_file(path, endpoint=ENDPOINT, models=models, max_lines=10 * LINES)
    assert not checked.problems, checked.problems
    return read_use()


def list_figures(measured: Measured, *, lines: int) -> list[Figure]:
    """The measured numbers beside their goals; times are scaled to a million requests."""
    scale = LINES / lines
    stored = scale * (measured.upload_seconds + measured.validation_seconds)
    memory = max(measured.server_mib, measured.validation.peak_rss_mib)
    rate = measured.file_mb / measured.download_seconds
    p99 = float(np.percentile(measured.status_ms, 99))
    return [
        Figure("a million lines validated and stored", stored, "s", "<= 40", stored <= 40),
        Figure("memory of the largest process", memory, "MiB", "<= 286", memory <= 286),
        Figure("results streamed", rate, "MB/s", ">= 50", rate >= 50),
        Figure("status under 200 requests/s, p99", p99, "ms", "<= 50", p99 <= 50),
    ]


def print_measured(measured: Measured, *, lines: int) -> None:
    """Where the numbers come from."""
    print(f"{lines:,} requests, {measured.file_mb:,.0f} MB; load {os.getloadavg()[0]:.1f}")
    print(f"  upload {measured.upload_seconds:.1f} s, validation {measured.validation_seconds:.1f} s", end="")
    print(f" ({measured.validation.cpu_seconds:.1f} s of processor)")
    print(f"  peak memory: server {measured.server_mib:.0f} MiB, validation {measured.validation.peak_rss_mib:.0f} MiB")
    print(f"  download {measured.download_seconds:.1f} s: {measured.file_mb / measured.download_seconds:.0f} MB/s")
    middle, high, top = np.percentile(measured.status_ms, [50, 99, 100])
    print(f"  status of a batch: median {middle:.1f} ms, p99 {high:.1f} ms, longest {top:.1f} ms")
    print(f"  the server's processor for a status: {measured.status_cpu_ms:.1f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the requests")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--validate", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.validate:
        print(json.dumps(asdict(validate(*arguments.validate))))
        return
    lines, seconds = (QUICK_LINES, QUICK_SECONDS) if arguments.quick else (LINES, SECONDS)
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    try:
        measured = measure(folder, lines=lines, seconds=seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_measured(measured, lines=lines)
    print_figures(list_figures(measured, lines=lines), as_json=arguments.json)


if __name__ == "__main__":
    main()
