"""Why vLLM's process did not start, or ended: what it logged, how it exited, and whether memory ran out."""

import re
import signal
from collections.abc import Sequence
from pathlib import Path

# As torch, CUDA, vLLM's own checks of its memory and the C++ library say it.
OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemory|MemoryError|bad_alloc|can't allocate memory|cannot allocate memory"
    r"|no available memory for the cache|less than desired gpu memory utilization"
    r"|less than requested memory for kv|larger than the available kv cache memory",
    re.IGNORECASE,
)
MEMORY_REMEDY = (
    "lower max_num_seqs, max_model_len or gpu_memory_utilization, spread the model over more GPUs (gpus, "
    "tensor_parallel_size), or choose a smaller or quantised one"
)
KILLED = f"it was killed ({signal.SIGKILL.name}), as systems do with a process when memory runs out"
# How vLLM tells that a process of its own was killed while it started.
KILLED_AT_START = re.compile(rf"Failed core proc.*: -{signal.SIGKILL.value}\b")


def ran_out_of_memory(reason: str) -> bool:
    """Whether these words say so, or a process was killed as it is then."""
    return bool(OUT_OF_MEMORY.search(reason)) or KILLED in reason


def measure_log(log_path: Path | None) -> int:
    """How many bytes the log has: what comes later is told from what was there."""
    return log_path.stat().st_size if log_path is not None and log_path.exists() else 0


def find_reason(log_path: Path | None, start: int) -> str:
    """The last error that the engine's process logged after this byte, or ""."""
    if log_path is None or measure_log(log_path) <= start:
        return ""
    with log_path.open("rb") as log:
        log.seek(start)
        lines = log.read().decode(errors="replace").splitlines()
    errors = [line.rpartition("] ")[2] for line in lines if "Error: " in line]
    return errors[-1].strip() if errors else ""


def describe_start(error: Exception, *, logged: str) -> str:
    """Why the process did not start, with the remedy where memory is what it lacked."""
    reason = KILLED if KILLED_AT_START.search(str(error)) else logged or str(error)
    return _with_remedy(reason)


def describe_death(exit_codes: Sequence[int | None], *, logged: str) -> str:
    """Why a process that served ended."""
    if not logged and -signal.SIGKILL in exit_codes:
        return _with_remedy(KILLED)
    codes = ", ".join(str(code) for code in exit_codes if code is not None) or "unknown"
    return _with_remedy(logged) if logged else f"its exit code is {codes}"


def _with_remedy(reason: str) -> str:
    return f"{reason}; {MEMORY_REMEDY}" if ran_out_of_memory(reason) else reason
