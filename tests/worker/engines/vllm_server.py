"""vLLM's own OpenAI-compatible server, as a process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.waiting import wait_until
from worker.engines.vllm_runtime import CPU_ENVIRONMENT, VLLM_ENVIRONMENT


def run_vllm_server(folder: Path, *, model: str, max_model_len: int, log_path: Path) -> Iterator[str]:
    """Start the server, give its base URL once it answers, and stop it with everything it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The module, not the console script: under the CPU build's name that one does not find its own version.
    module = "vllm.entrypoints.openai.api_server"
    command = [
        sys.executable, "-m", module, "--model", str(folder), "--served-model-name", model, "--max-num-seqs", "16",
        "--max-model-len", str(max_model_len), "--dtype", "float32", "--enforce-eager",
        "--kv-cache-memory-bytes", str(1 << 28), "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    environment = os.environ | VLLM_ENVIRONMENT | CPU_ENVIRONMENT | {"OMP_NUM_THREADS": "1"}
    with log_path.open("wb") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
        try:
            wait_until(lambda: _is_up(port) or server.poll() is not None, seconds=180)
            assert server.poll() is None, log_path.read_text()
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(60)


def _is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=1.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
