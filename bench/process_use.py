"""What a process has used of memory and processor, from /proc."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class ProcessUse:
    """One process, from its start to now; that of children that have ended is in the processor's time."""

    peak_rss_mib: float  # shared pages included
    uss_mib: float  # its own alone, now
    cpu_seconds: float


def read_use(pid: int | None = None) -> ProcessUse:
    """The use of a process, by default of this one."""
    process = psutil.Process(pid or os.getpid())
    times = process.cpu_times()
    return ProcessUse(
        peak_rss_mib=_read_peak_kib(process.pid) / 1024,
        uss_mib=process.memory_full_info().uss / MIB,
        cpu_seconds=times.user + times.system + times.children_user + times.children_system,
    )


def sum_server(backend_pid: int) -> ProcessUse:
    """All processes of the Postgres that this backend belongs to; of their memory the largest."""
    uses = [read_use(pid) for pid in list_tree(psutil.Process(backend_pid).ppid())]
    return ProcessUse(
        peak_rss_mib=max(use.peak_rss_mib for use in uses),
        uss_mib=max(use.uss_mib for use in uses),
        cpu_seconds=sum(use.cpu_seconds for use in uses),
    )


def list_tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    process = psutil.Process(pid)
    yield pid
    yield from (child.pid for child in process.children(recursive=True))


def _read_peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
