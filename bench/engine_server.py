"""vLLM's own benchmark of a server, as a process: what a client can at most get out of it.

    python -m bench.engine_server ...

takes the arguments of `vllm bench serve`, whose console script does not find its own version in the CPU build.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.engine_bare import Rate
from bench.engine_prompts import MAX_TOKENS
from worker.engines.vllm_runtime import VLLM_ENVIRONMENT, import_vllm
from worker.settings import read_settings

COUNTERS = ("vllm:prompt_tokens_total", "vllm:generation_tokens_total")
CHECKOUT = Path(__file__).resolve().parent.parent


def bench_serve(
    base_url: str, questions: Sequence[str], *, model: str, weights: Path, concurrency: int, folder: Path
) -> Rate:
    """What `vllm bench serve` gets of the server, so many requests at a time."""
    dataset, result = folder / "questions.jsonl", folder / "result.json"
    dataset.write_text("".join(f"{json.dumps({'prompt': question})}\n" for question in questions), encoding="utf-8")
    command = [
        sys.executable, "-m", "bench.engine_server", "--backend", "openai-chat", "--endpoint", "/v1/chat/completions",
        "--base-url", base_url.removesuffix("/v1"), "--model", str(weights), "--served-model-name", model,
        "--dataset-name", "custom", "--dataset-path", str(dataset), "--custom-output-len", str(MAX_TOKENS),
        "--skip-chat-template", "--disable-shuffle", "--num-prompts", str(len(questions)), "--temperature", "0",
        "--max-concurrency", str(concurrency), "--disable-tqdm",
        "--save-result", "--result-dir", str(folder), "--result-filename", result.name,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(result.read_text(encoding="utf-8"))
    assert said["completed"] == len(questions), f"{said['completed']} of {len(questions)} requests completed"
    return Rate(said["duration"], said["total_input_tokens"], said["total_output_tokens"])


def read_counters(base_url: str) -> list[int]:
    """Prompt tokens and output tokens, as the server itself has counted them since its start."""
    lines = httpx.get(f"{base_url.removesuffix('/v1')}/metrics", timeout=30.0).text.splitlines()
    return [int(sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{"))) for name in COUNTERS]


def _main() -> None:
    import os

    os.environ.update(VLLM_ENVIRONMENT)
    import_vllm(threads=read_settings().torch_threads)
    from vllm.benchmarks.serve import add_cli_args, main
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser()
    add_cli_args(parser)
    main(parser.parse_args())


if __name__ == "__main__":
    _main()
