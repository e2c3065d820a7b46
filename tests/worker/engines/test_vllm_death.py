"""Why an engine's process is gone: read from its log and its exit code, with the remedy where memory ran out."""

from pathlib import Path

import pytest

from worker.engines.vllm_death import (
    KILLED,
    MEMORY_REMEDY,
    describe_death,
    describe_start,
    find_reason,
    measure_log,
    ran_out_of_memory,
)

LOG = """(EngineCore pid=7) INFO 11-26 22:22:55 [core.py:1] starting
(EngineCore pid=7) ERROR 11-26 22:22:55 [core.py:1750] torch.OutOfMemoryError: CUDA out of memory.
(EngineCore pid=7) ERROR 11-26 22:22:55 [core.py:1750] Traceback (most recent call last):
"""


@pytest.mark.parametrize(
    "words",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "ValueError: Free memory on device cuda:0 (3/79 GiB) on startup is less than desired GPU memory utilization",
        "ValueError: 2.5 GiB KV cache is needed, which is larger than the available KV cache memory (1.2 GiB)",
        "ValueError: Available memory on node 0 (3 GiB) is less than requested memory for kv (65536 GiB)",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        KILLED,
    ],
)
def test_a_lack_of_memory_is_known_by_its_words(words: str) -> None:
    assert ran_out_of_memory(words)
    assert describe_start(RuntimeError("failed"), logged=words) == f"{words}; {MEMORY_REMEDY}"


def test_other_reasons_are_told_as_they_are() -> None:
    assert describe_start(RuntimeError("no such quantisation"), logged="") == "no such quantisation"
    assert describe_start(RuntimeError("see above"), logged="ValueError: x") == "ValueError: x"
    assert describe_death([1, None], logged="") == "its exit code is 1"
    assert describe_death([None], logged="") == "its exit code is unknown"
    assert describe_death([-9], logged="ValueError: x") == "ValueError: x"


def test_a_process_that_was_killed_ran_out_of_memory_as_far_as_anybody_knows() -> None:
    failed = RuntimeError("Engine core initialization failed. Failed core proc(s): {'EngineCore_0': -9}")
    assert describe_start(failed, logged="") == f"{KILLED}; {MEMORY_REMEDY}"
    assert describe_death([-9], logged="") == f"{KILLED}; {MEMORY_REMEDY}"


def test_the_reason_is_the_last_error_since_the_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert (measure_log(None), measure_log(log), find_reason(None, 0), find_reason(log, 0)) == (0, 0, "", "")
    log.write_text(LOG)
    assert find_reason(log, 0) == "torch.OutOfMemoryError: CUDA out of memory."
    assert find_reason(log, measure_log(log)) == ""
