"""Prints what the distributed system does with a million tasks that need no model, beside other queues in the same run.

    python -m bench.queue [--quick] [--json]

A producer stores a job with its predictions; a router worker and two engine workers, which wait for it, answer it: each
a process, on a Postgres and a Redis of their own. The peers do much less for a task (bench/queue_peers.py), and so does
the bare pipeline, which says what the machine's cores can do at best (bench/queue_bare.py).
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, print_figures
from bench.queue_bare import BareRate, measure_bare
from bench.queue_job import LINE_BYTES, MAX_TOKENS, write_lines
from bench.queue_own import OwnRates, measure_own
from bench.queue_peers import PEERS, PeerRate
from gateway.jobfile import read_job_file
from gateway.joblines import ModelNames
from worker.migration import migrate
from worker.postgres import EmbeddedPostgres

MILLION = 1_000_000
PEER_TASKS = {"celery": 5_000, "celery-batches": 10_000, "procrastinate": 2_500}
BARE_TASKS = 200_000
QUICK_PART = 10  # the part of our tasks; of the peers' it is half as small
LARGEST_PROCESS_MIB = 600


def measure_validation(tasks: int, *, folder: Path) -> float:
    """Seconds for a job file of so many lines to be read and checked."""
    path = folder / "job.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{task.payload}\n" for task in write_lines(tasks))
    started = time.monotonic()
    checked = sum(1 for _ in read_job_file(path, models=ModelNames(strategies=frozenset())))
    seconds = time.monotonic() - started
    assert checked == tasks
    path.unlink()
    return seconds


def print_own(own: OwnRates, *, validation_seconds: float) -> None:
    """Our part of the run."""
    print(f"{own.tasks:,} tasks of {LINE_BYTES} bytes, {len(MAX_TOKENS)} strategies; load {os.getloadavg()[0]:.1f}")
    print(
        f"  enqueued in {own.enqueue_seconds:.2f} s; to read and check them as a file takes {validation_seconds:.1f} s"
    )
    print(f"  routed and settled in {own.settle_seconds:.2f} s: {own.settled_per_second:,.0f} a second")
    print(f"  status of the job in {1000 * own.status_seconds:.0f} ms; {own.violations} invariants violated")
    print("process       peak MiB   own MiB   processor a task: storing   settling")
    for name, use in own.use.items():
        cpu = [1e6 * part.get(name, 0.0) / own.tasks for part in (own.store_cpu, own.settle_cpu)]
        print(f"{name:<12}{use.peak_rss_mib:>10.0f}{use.uss_mib:>10.0f}{cpu[0]:>24.1f} us{cpu[1]:>8.1f} us")
    together = 1e6 * sum(own.settle_cpu.values()) / own.tasks
    print(f"all together {together:.1f} us of processor a task: two cores could settle {2e6 / together:,.0f} a second")


def print_peers(own: OwnRates, rates: Sequence[PeerRate]) -> None:
    """The peers, and how many times as fast we are."""
    print("peer                        tasks   enqueued a second   settled a second   ours to theirs")
    for rate in rates:
        ratio = own.settled_per_second / rate.settled_per_second
        enqueued, settled = rate.enqueued_per_second, rate.settled_per_second
        print(f"{rate.name:<24}{rate.tasks:>9,}{enqueued:>20,.0f}{settled:>19,.0f}{ratio:>17,.0f}")


def print_bare(own: OwnRates, bare: BareRate) -> None:
    """What is left when all is left out but a row read, a line answered and graded, and a row written."""
    parts = [1e6 * seconds / bare.tasks for seconds in (bare.workers_cpu, bare.postgres_cpu)]
    ours = 1e6 * sum(own.settle_cpu.values()) / own.tasks
    print(f"bare pipeline: {bare.tasks:,} tasks stored in {bare.store_seconds:.2f} s", end=", ")
    print(f"settled in {bare.settle_seconds:.2f} s: {bare.settled_per_second:,.0f} a second")
    print(
        f"  {sum(parts):.1f} us of processor a task (workers {parts[0]:.1f}, Postgres {parts[1]:.1f}), ours {ours:.1f}"
    )


def list_figures(own: OwnRates, rates: Sequence[PeerRate]) -> list[Figure]:
    """The measured numbers beside their goals; what was stored and settled is scaled to a million."""
    enqueue_seconds = own.enqueue_seconds * MILLION / own.tasks
    ratio = own.settled_per_second / rates[0].settled_per_second
    largest = max(use.peak_rss_mib for use in own.use.values())
    status_ms = 1000 * own.status_seconds
    settled = own.settled_per_second
    return [
        Figure("enqueue of a million tasks", enqueue_seconds, "s", "<= 5", enqueue_seconds <= 5),
        Figure("route to settled", settled, "tasks/s", ">= 60,000", settled >= 60_000),
        Figure("times plain Celery", ratio, "", ">= 100", ratio >= 100),
        Figure("largest process", largest, "MiB", f"<= {LARGEST_PROCESS_MIB}", largest <= LARGEST_PROCESS_MIB),
        Figure("status of the job", status_ms, "ms", "<= 50", status_ms <= 50),
        Figure("violated invariants", own.violations, "", "0", own.violations == 0),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    tasks = MILLION // QUICK_PART if arguments.quick else MILLION
    peer_part = QUICK_PART // 2 if arguments.quick else 1
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    try:
        with EmbeddedPostgres(folder / "postgres") as server_url:
            migrate(server_url)
            own = measure_own(tasks, server_url=server_url, folder=folder)
            print_own(own, validation_seconds=measure_validation(tasks, folder=folder))
            rates = [PEERS[name](size // peer_part, server_url=server_url) for name, size in PEER_TASKS.items()]
            print_peers(own, rates)
            print_bare(own, measure_bare(BARE_TASKS // peer_part, server_url=server_url))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_figures(list_figures(own, rates), as_json=arguments.json)


if __name__ == "__main__":
    main()
