"""Imports vLLM with the settings it needs, starts its AsyncLLM, and says why where it can not."""

import importlib
import multiprocessing.resource_tracker
import os
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from worker.engines.errors import EngineMisconfigured, OutOfMemory
from worker.engines.lifeline import Lifeline, carry_lifeline
from worker.engines.visible_gpus import VARIABLE, choose_gpus
from worker.engines.vllm_death import describe_start, find_reason, measure_log, ran_out_of_memory
from worker.model_shape import read_context_tokens
from worker.settings import lend_variable

# vLLM reads these when it is imported, here and in its own process, which inherits them.
VLLM_ENVIRONMENT: dict[str, str] = {
    "HF_HUB_OFFLINE": "1",  # the folder is complete; a hub that is asked all the same costs minutes without a network
    "VLLM_NO_USAGE_STATS": "1",  # nothing about this machine is sent anywhere
    "VLLM_LOGGING_LEVEL": "ERROR",  # its INFO lines would drown our own output
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a fork of our threads and database connections may hang
}
CPU_ENVIRONMENT: dict[str, str] = {
    # One process less: on a CPU vLLM would otherwise start a worker process below the engine's, for NUMA binding. It
    # imports everything again (6 s more to start) and is no faster on one socket (416 against 464 tokens/s).
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
}
# 22,000 tokens of SmolLM2. Every page is written once at the start, at 3 s a GiB; vLLM's default is half the machine.
CPU_KV_CACHE_BYTES = 1 << 29

# The transformers engine has the same library and writes JSON as tightly, so that grammars mean the same in both.
# Where any white space is allowed, small models spend a third of their answer on it.
GRAMMAR_SETTINGS = {"backend": "xgrammar", "disable_any_whitespace": True}


def import_vllm(*, threads: int) -> str:
    """Import vLLM (7 s) and give the device it was built for. Changes this process's environment, for its children."""
    # More OpenMP threads than free cores collapse its throughput (472 to 26 tokens/s when another process is busy).
    os.environ.update(VLLM_ENVIRONMENT | {"OMP_NUM_THREADS": str(threads)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, to which nobody here can react
        try:
            importlib.import_module("vllm.v1.engine.async_llm")
            from vllm.platforms import current_platform
        except Exception as error:  # a build for another machine fails in many ways
            raise EngineMisconfigured(f"vLLM can not be imported: {error}") from error
    device = str(current_platform.device_type)
    if not device:
        raise EngineMisconfigured("vLLM is installed in a build for a device that this machine does not have")
    if device == "cpu":
        os.environ.update(CPU_ENVIRONMENT)
    return device


def start_async_llm(
    folder: Path,
    *,
    device: str,
    max_model_len: int | None,
    options: Mapping[str, object],
    gpus: Sequence[int] = (),
    log_path: Path | None,
) -> Any:
    """A running AsyncLLM. Blocks until its process has loaded the model (9 s for 135M weights on a CPU).

    OutOfMemory where the machine has too little of it, EngineMisconfigured for every other reason.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    context_tokens = max_model_len or read_context_tokens(folder)
    settings: dict[str, object] = {
        "model": str(folder),
        "max_model_len": max_model_len,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "structured_outputs_config": GRAMMAR_SETTINGS,
    }
    log_start, shown = measure_log(log_path), lend_variable(VARIABLE, partial(choose_gpus, gpus))
    try:
        with _interrupts_blocked(), carry_lifeline(Lifeline(log_path)), shown:
            config = AsyncEngineArgs(
                **settings | device_settings(device, context_tokens) | dict(options)
            ).create_engine_config()
            return AsyncLLM.from_vllm_config(config, disable_log_stats=True)
    except EngineMisconfigured:
        raise
    except Exception as error:  # vLLM raises its own, pydantic's, torch's and built-in types here
        where = "its output is above" if log_path is None else f"more in {log_path}"
        reason = describe_start(error, logged=find_reason(log_path, log_start))
        kind = OutOfMemory if ran_out_of_memory(reason) else EngineMisconfigured
        raise kind(f"vLLM could not start {folder.name}: {reason} ({where})") from error


def device_settings(device: str, context_tokens: int) -> dict[str, object]:
    """What differs between vLLM's builds."""
    if device != "cpu":
        return {"dtype": "auto"}
    return {
        # In float32 greedy answers depend on nothing else in the batch and are those of the transformers engine (20 of
        # 20 prompts); in bfloat16, 2.7 times faster, half of them change with the batch, the engine or the processor.
        "dtype": "float32",
        "enforce_eager": True,  # compiling gains 15 % and takes 50 s
        "distributed_executor_backend": "uni",
        "kv_cache_memory_bytes": CPU_KV_CACHE_BYTES,
        # A prompt cut in chunks and sampled with a seed kills the CPU build's engine ("Generator does not use offset").
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(2048, context_tokens),  # so that any prompt fits whole
        "max_num_seqs": 64,  # in bfloat16 700 tokens/s against 450 with 32 and 800 with 128
        "block_size": 32,  # prefixes are shared in whole blocks, and the default of 128 is longer than most
    }


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Spawn processes that ignore Ctrl-C, which reaches the whole terminal group: we drain first, then stop the engine.

    A new process inherits the signal mask of the thread that spawns it, and vLLM's own handler never gets to run.
    """
    multiprocessing.resource_tracker.ensure_running()  # started later, it would unblock the signal again
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
