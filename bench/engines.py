"""Prints what our engine worker makes of vLLM, beside vLLM with nothing around it, in the same run.

    python -m bench.engines [--quick] [--json]

The worker is the real one: a job in Postgres, routed, its groups claimed, reserved, asked, settled. Beside it vLLM's
AsyncLLM has the same prompts at once, its offline generate the whole list, and `vllm bench serve` the server that our
HTTP engine asks. Then the engine's process is killed under a job. Minutes, on a CPU; bfloat16, answers of 8 tokens.
--quick (under 50 s on a quiet machine) has the first comparison alone, on fewer prompts.
"""

import argparse
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.engine_bare import BareEngine, Rate
from bench.engine_death import Recovery, kill_under
from bench.engine_prompts import CONTEXT_TOKENS, MAX_TOKENS, OPTIONS, WEIGHTS, write_questions
from bench.engine_server import bench_serve, read_counters
from bench.engine_station import ENGINE, EngineWorker, open_worker
from bench.engine_tokens import watch_tokens
from bench.figures import Figure, print_figures
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.vllm_server import run_vllm_server
from worker.migration import migrate
from worker.postgres import EmbeddedPostgres
from worker.settings import read_settings
from worker.weights import resolve_model

PROMPTS, SERVER_PROMPTS, KILL_PROMPTS, QUICK_PROMPTS = 1_000, 300, 600, 64
PAIR_PROMPTS, WARM_UP = 100, 16  # short pairs, one right after the other: machines are not equally fast for minutes
SERVER_CONCURRENCY = 16  # of which vLLM's server is told, too
IN_FLIGHT = 80  # tasks that are with vLLM: five batches of 16
CHECKOUT = Path(__file__).resolve().parent.parent
STRATEGIES = "strategies:\n  - {{name: direct, engine: {0}, decoding: {{method: direct, max_tokens: {1}}}}}\n"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The limit and us, one right after the other."""

    limit: Rate
    ours: Rate

    @property
    def share(self) -> float:
        """Ours of the limit's tokens a second."""
        return self.ours.output_per_second / self.limit.output_per_second


def write_strategies(folder: Path, engine: dict[str, object]) -> Path:
    """A strategy file of one engine and one strategy."""
    path = folder / "strategies.yaml"
    engines = f"engines: {json.dumps({ENGINE: {**engine, 'description': 'small'}})}\n"
    path.write_text(engines + STRATEGIES.format(ENGINE, MAX_TOKENS), encoding="utf-8")
    return path


class InProcess(NamedTuple):
    """Our worker beside the bare AsyncLLM."""

    pairs: Sequence[Pair]
    at_once: Pair | None  # of all prompts together
    load_seconds: float  # that AsyncLLM takes
    differences: int  # tokens in our books and not among those that vLLM handed over, or the other way


def compare_in_process(own: EngineWorker, *, prompts: int, at_once: bool, folder: Path) -> InProcess:
    """Pairs of a hundred prompts, and all of them at once."""
    loop, bare = EngineLoop(), BareEngine()
    own.answer(write_questions(WARM_UP))
    load_seconds = loop.run(bare.start(log_path=folder / "bare.log"), seconds=300)
    loop.run(bare.answer(write_questions(WARM_UP)))
    pairs, differences = [], 0
    others = write_questions(2 * prompts)[prompts:]  # no prompt is in the cache already
    for part in [*cut(prompts), *([others] if at_once else [])]:
        limit = loop.run(bare.answer(part), seconds=600)
        with watch_tokens() as steps:
            ours = own.answer(part).rate
        differences += abs(sum(step.tokens for step in steps) - ours.prompt_tokens - ours.output_tokens)
        pairs.append(Pair(limit=limit, ours=ours))
    loop.run(_stop(bare))
    loop.close()
    return InProcess(pairs, pairs.pop() if at_once else None, load_seconds, differences)


def cut(prompts: int) -> Iterator[list[str]]:
    """The questions of each pair."""
    questions = write_questions(prompts)
    return (questions[begin : begin + PAIR_PROMPTS] for begin in range(0, prompts, PAIR_PROMPTS))


async def _stop(bare: BareEngine) -> None:
    bare.stop()


def answer_offline(prompts: int) -> Rate:
    """The offline generate, in a process of its own."""
    command = [sys.executable, "-m", "bench.engine_bare", str(prompts)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return Rate(*json.loads(done.stdout.splitlines()[-1]))


def compare_over_http(*, prompts: int, folder: Path, cache: Path) -> tuple[list[Pair], int]:
    """Pairs with `vllm bench serve`, and by how many tokens our books differ from the server's own counters."""
    weights, differences = resolve_model(WEIGHTS, cache).path, 0
    server = run_vllm_server(weights, model="small", max_model_len=CONTEXT_TOKENS, log_path=folder / "server.log")
    pairs = []
    for base_url in server:
        remote = {"kind": "openai", "model": "small", "base_url": base_url, "max_model_len": CONTEXT_TOKENS}
        file = write_strategies(folder, {**remote, "options": {"concurrency": SERVER_CONCURRENCY}})
        with _open_worker(folder / "http", file, cache=cache) as own:
            own.answer(write_questions(WARM_UP))
            for part in cut(prompts):
                limit = bench_serve(
                    base_url,
                    part,
                    model="small",
                    weights=weights,
                    concurrency=SERVER_CONCURRENCY,
                    folder=folder,
                )
                before = read_counters(base_url)
                ours = own.answer(part).rate
                counted = [now - then for now, then in zip(read_counters(base_url), before, strict=True)]
                differences += abs(counted[0] - ours.prompt_tokens) + abs(counted[1] - ours.output_tokens)
                pairs.append(Pair(limit=limit, ours=ours))
    return pairs, differences


@contextmanager
def _open_worker(folder: Path, strategy_file: Path, *, cache: Path) -> Iterator[EngineWorker]:
    """Our engine worker on a Postgres of its own."""
    with EmbeddedPostgres(folder / "postgres") as url:
        migrate(url)
        with open_worker(strategy_file, server_url=url, folder=folder, cache=cache) as own:
            yield own


def print_pairs(limit: str, ours: str, pairs: Sequence[Pair]) -> None:
    """Each pair on a line."""
    for pair in pairs:
        rates = f"{limit} {pair.limit.output_per_second:.0f}, {ours} {pair.ours.output_per_second:.0f} output tokens/s"
        print(f"  {rates}: {pair.share:.1%}  (load {os.getloadavg()[0]:.1f})")


def share_figure(name: str, pairs: Sequence[Pair], *, goal: float) -> Figure:
    """The median share beside its goal."""
    share = statistics.median(pair.share for pair in pairs)
    return Figure(name, share, "", f">= {goal:.2f}", share >= goal)


def death_figures(recovery: Recovery, *, load_seconds: float) -> list[Figure]:
    """What a killed engine process cost, in tasks and in time until its tokens come as fast as before."""
    allowed = load_seconds + 10.0
    back = recovery.back_seconds
    return [
        Figure("tasks asked again after a kill", recovery.lost, "", f"<= {IN_FLIGHT}", recovery.lost <= IN_FLIGHT),
        Figure("back at full throughput, tokens", back, "s", f"<= {allowed:.1f}", back <= allowed),
    ]


def describe_death(recovery: Recovery, *, load_seconds: float) -> str:
    """The same in a line, with when answers came as fast as before: an answer is begun again from its first token."""
    tokens = f"{recovery.tokens_per_second:.0f} tokens/s again after {recovery.back_seconds:.1f} s"
    answers = f"{recovery.answers_per_second:.1f} answers/s again after {recovery.answers_back_seconds:.1f} s"
    one = f"an answer takes {recovery.answer_seconds:.1f} s with {recovery.most_in_flight} in flight"
    return f"killed: loading takes {load_seconds:.1f} s, {tokens}, {answers}; {one}"


def measure_all(folder: Path, *, cache: Path) -> list[Figure]:
    """Everything."""
    file = write_strategies(folder, _local())
    with _open_worker(folder / "own", file, cache=cache) as own:
        local = compare_in_process(own, prompts=PROMPTS, at_once=True, folder=folder)
        assert local.at_once is not None
        print_pairs("bare AsyncLLM", "engine worker", [*local.pairs, local.at_once])
        recovery = kill_under(own, write_questions(KILL_PROMPTS), most_in_flight=IN_FLIGHT)
        print(f"  {describe_death(recovery, load_seconds=local.load_seconds)}")
    print(f"  offline generate {answer_offline(PROMPTS).output_per_second:.0f} output tokens/s")
    over_http, differences = compare_over_http(prompts=SERVER_PROMPTS, folder=folder, cache=cache)
    print_pairs("vllm bench serve", "HTTP engine", over_http)
    return [
        share_figure("engine worker of bare AsyncLLM", local.pairs, goal=0.95),
        share_figure("the same, 1,000 prompts at once", [local.at_once], goal=0.95),
        share_figure("HTTP engine of vllm bench serve", over_http, goal=0.90),
        usage_figure(differences + local.differences),
        *death_figures(recovery, load_seconds=local.load_seconds),
    ]


def measure_quick(folder: Path, *, cache: Path) -> list[Figure]:
    """The first comparison, on few prompts."""
    file = write_strategies(folder, _local())
    with _open_worker(folder / "own", file, cache=cache) as own:
        local = compare_in_process(own, prompts=QUICK_PROMPTS, at_once=False, folder=folder)
    print_pairs("bare AsyncLLM", "engine worker", local.pairs)
    return [
        share_figure("engine worker of bare AsyncLLM", local.pairs, goal=0.95),
        usage_figure(local.differences),
    ]


def usage_figure(differences: int) -> Figure:
    """Tokens in our books beside the engine's own counts."""
    return Figure("tokens accounted and not counted by the engine", differences, "", "0", differences == 0)


def _local() -> dict[str, object]:
    return {"kind": "vllm", "model": WEIGHTS, "max_model_len": CONTEXT_TOKENS, "options": OPTIONS}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the engine worker alone, on few prompts")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    try:
        measure = measure_quick if arguments.quick else measure_all
        figures = measure(folder, cache=read_settings().cache_directory)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_figures(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
