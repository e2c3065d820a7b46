"""Prints what it takes to train one strategy again on 10,000 outcomes, and what that does to a router beside it.

    python -m bench.retraining [--quick] [--json]

From the query for what is new to the version that serves, on a database of its own: the champion has learnt from the
first 2,000 outcomes, so that the gate compares on as many of the others as it ever does (4,000), and it serves again
before each round. A round whose version is not promoted ends the bench with an error. The outcomes' texts were encoded
when their tasks were planned, so their vectors are at hand (and are made up here: half of the outcomes follow them);
what a trainer on another machine would encode first is measured on some texts, and printed beside. A router in a
process of its own routes windows all the while; its tasks a second are compared with those just before and just after.
"""

import argparse
import dataclasses
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from bench.figures import Figure, print_figures
from bench.process_use import read_use
from bench.queue_job import MAX_TOKENS, STRATEGY_FILE, write_lines
from db.predictors import promote, read_champions, read_report
from db.session import run_in_transaction, session_scope
from db.states import PredictorState, TrainingScope
from db.tasks import NewTask
from router.units import Unit
from worker.bootstrap import Workshop, open_workshop
from worker.calibration import submit_recorded
from worker.embedding_cache import EmbeddingCache, digest_text
from worker.encoder import SentenceEncoder
from worker.lesson import Lesson
from worker.low_priority import let_others_go_first
from worker.recording import RecordedOutcome, Recording
from worker.settings import Settings, give_environment, read_settings
from worker.submission import TENANT
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line
from worker.training_job import train_predictors

OUTCOMES = 10_000
KNOWN = 2_000  # of those, to the champion
ENCODED = 128  # texts, when encoding is measured
GOAL_SECONDS, GOAL_SLOWER = 15.0, 0.1
BESIDE_SECONDS = 4.0  # of routing before and after
ROUNDS = 5


class Routed(NamedTuple):
    """A window that the router has routed."""

    at: float  # time.monotonic()
    tasks: int
    seconds: float


class Training(NamedTuple):
    """What one training took, from the query to the version that serves."""

    seconds: float
    cpu_seconds: float  # of its thread
    judged: int  # outcomes that the gate compared on


class Round(NamedTuple):
    """One training, and the router's tasks a second."""

    training: Training
    alone: float
    beside: float

    @property
    def slower(self) -> float:
        """The share of its tasks a second that the router lost."""
        return 1 - self.beside / self.alone


class Router:
    """What a router in another process tells of itself."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process, self._windows = process, list[Routed]()
        self.routes = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, tasks, seconds = line.split()
            self._windows.append(Routed(float(at), int(tasks), float(seconds)))
            self.routes.set()

    def rate(self, start: float, end: float) -> float:
        """Tasks a second of routing in windows that ended between the two moments."""
        own = [window for window in self._windows if start <= window.at < end]
        if not own:
            raise SystemExit("the router routed nothing meanwhile")
        return sum(window.tasks for window in own) / sum(window.seconds for window in own)

    def work(self, seconds: float) -> float:
        """Its tasks a second over the next seconds."""
        start = time.monotonic()
        time.sleep(seconds)
        return self.rate(start, time.monotonic())


@contextmanager
def run_router(settings: Settings) -> Iterator[Router]:
    """A router on the same database, warm."""
    command = [sys.executable, "-m", "bench.retraining_router"]
    with subprocess.Popen(
        command, env=give_environment(settings), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        watched = Router(process)
        try:
            watched.routes.wait(timeout=60)
            yield watched
        finally:
            process.communicate()


@contextmanager
def open_private() -> Iterator[Workshop]:
    """A workshop of strategies without a model, on a database and with embeddings of its own."""
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    file = folder / "strategies.yaml"
    file.write_text(STRATEGY_FILE, encoding="utf-8")
    settings = dataclasses.replace(
        read_settings(),
        database_url=None,
        broker_url=None,
        data_directory=folder / "data",
        cache_directory=folder / "cache",
        strategies=file,
    )
    try:
        with open_workshop(settings, strategy_file=file, watch=lambda _: None) as workshop:
            yield workshop
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def store_outcomes(workshop: Workshop, tasks: Sequence[NewTask], *, seed: int) -> None:
    """What the first strategy did with the tasks, and the vectors of their texts."""
    sentences = SentenceEncoder(threads=1)
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(len(tasks), sentences.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [parse_task_line(task.payload).embedded_text for task in tasks]
    cache = EmbeddingCache(
        workshop.settings.cache_directory / "embeddings" / f"{sentences.name}.sqlite", dimension=sentences.dimension
    )
    cache.write(dict(zip(map(digest_text, texts), vectors, strict=True)))
    right = (vectors[:, 0] > 0) ^ (draw.random(len(tasks)) < 0.25)
    outcomes = [
        RecordedOutcome(
            custom_id=task.custom_id,
            strategy=workshop.pool.names[0],
            answer="one",
            texts=["one"],
            finish_reasons=["stop"],
            prompt_tokens=20,
            output_tokens=1 + number % MAX_TOKENS[0],
            cost=20,
            correct=float(right[number]),
        )
        for number, task in enumerate(tasks)
    ]
    digest = f"made up from {seed}"
    recording = Recording(tasks_sha256=digest, unit=Unit.TOKENS, engines={}, strategy_hashes={}, outcomes=outcomes)
    own = workshop.keep([0])
    run_in_transaction(
        workshop.database,
        lambda session: submit_recorded(
            session,
            tasks=tasks,
            tasks_sha256=digest,
            pool=own.pool,
            strategy_ids=own.strategy_ids,
            recording=recording,
        ),
    )


def train_once(workshop: Workshop) -> Training:
    """One training of the first strategy, as a trainer trains: in a thread that lets others go first."""
    with ThreadPoolExecutor(1, initializer=let_others_go_first) as pool:
        return pool.submit(_train, workshop).result()


def _train(workshop: Workshop) -> Training:
    own = workshop.keep([0])
    started, cpu_started = time.monotonic(), time.thread_time()
    (trained,) = train_predictors(
        own.database,
        pool=own.pool,
        strategy_ids=own.strategy_ids,
        encoder=workshop.encoder,
        watch=lambda _: None,
        lesson=Lesson(scope=TrainingScope.ALL),
    )
    taken, cpu_taken = time.monotonic() - started, time.thread_time() - cpu_started
    if trained.state is not PredictorState.CHAMPION:
        raise SystemExit(f"the new version is {trained.state}: nothing was measured up to a promotion")
    with session_scope(workshop.database) as session:
        report = read_report(session, predictor_id=read_serving_id(session, own)).report
    return Training(taken, cpu_taken, report.get("gate", {"report": {"outcomes": 0}})["report"]["outcomes"])


def read_serving_id(session: Session, own: Workshop) -> int:
    """The version that serves the one strategy of a workshop."""
    (champion,) = read_champions(session, strategy_ids=own.strategy_ids, encoder=own.encoder.name).values()
    return champion.id


def measure_round(workshop: Workshop, router_beside: Router, *, champion_id: int) -> Round:
    """A training between two stretches of routing alone, against this champion."""
    crown = partial(promote, tenant_id=TENANT, predictor_id=champion_id)
    run_in_transaction(workshop.database, crown)
    before = router_beside.work(BESIDE_SECONDS)
    started = time.monotonic()
    training = train_once(workshop)
    beside = router_beside.rate(started, time.monotonic())
    after = router_beside.work(BESIDE_SECONDS)
    return Round(training, statistics.fmean((before, after)), beside)


def time_encoding(tasks: Sequence[NewTask]) -> float:
    """Seconds that the encoder takes for as many texts as there are outcomes."""
    encoder = TaskEncoder(SentenceEncoder(threads=1), cache_directory=None)
    texts = [parse_task_line(task.payload).embedded_text for task in tasks[:ENCODED]]
    encoder.encode(texts[:8])  # which loads it
    started = time.monotonic()
    encoder.encode(texts)
    return (time.monotonic() - started) * OUTCOMES / len(texts)


def main() -> None:
    """Measure, print, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one training beside the router, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    tasks = list(write_lines(OUTCOMES))
    with open_private() as workshop:
        store_outcomes(workshop, tasks[:KNOWN], seed=0)
        first = train_once(workshop)  # and all that is loaded when something is first trained
        with session_scope(workshop.database) as session:
            champion_id = read_serving_id(session, workshop.keep([0]))
        store_outcomes(workshop, tasks[KNOWN:], seed=1)
        with run_router(workshop.settings) as beside:
            count = 1 if arguments.quick else ROUNDS
            rounds = [measure_round(workshop, beside, champion_id=champion_id) for _ in range(count)]
    print(f"training one strategy on {KNOWN:,} outcomes, and all that is loaded for it: {first.seconds:.1f} s")
    print(f"on {OUTCOMES:,}, from the query to the version that serves, which the gate has proven:")
    for number, own in enumerate(rounds, start=1):
        judged = f"judged on {own.training.judged:,} outcomes"
        taken = f"{own.training.seconds:5.1f} s ({own.training.cpu_seconds:.1f} of CPU, {judged})"
        rates = f"{own.alone:8,.0f} tasks/s alone and {own.beside:8,.0f} beside it: {100 * own.slower:+.1f} % slower"
        print(f"    {number}: {taken} beside a router, which routes {rates}")
    print(f"encoding their texts first, on a machine that has not planned them: {time_encoding(tasks):.0f} s more")
    print(f"this process at its most: {read_use().peak_rss_mib:,.0f} MiB")
    seconds = statistics.median(own.training.seconds for own in rounds)
    slower = statistics.median(own.slower for own in rounds)
    print_figures(
        [
            Figure("retraining, query to promoted", seconds, "s", f"<= {GOAL_SECONDS:g}", seconds <= GOAL_SECONDS),
            Figure("routing beside it", 100 * slower, "% slower", f"<= {100 * GOAL_SLOWER:g}", slower <= GOAL_SLOWER),
        ],
        as_json=arguments.json,
    )


if __name__ == "__main__":
    main()
