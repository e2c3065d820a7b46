"""Prints what deadlines cost and whether they are kept, with two engines of which the better one is slow.

    python -m bench.dispatch [--quick] [--json]

The same job runs for real (windows, groups, reservations, settlements; engines that only wait) without a deadline, then
with shorter and shorter ones, and once more while the better engine falls to half its speed. Beside each run stands the
best that whoever knows the engines' speeds beforehand could reach in that time.
"""

import argparse
import asyncio
import dataclasses
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import func, update

from bench.figures import Figure, print_figures
from bench.pacing_real import write_payload
from db.jobs import Job, read_job
from db.predictions import Predictions
from db.results import iterate_results
from db.session import run_in_transaction, session_scope
from db.tables import JobRow
from db.tasks import NewTask
from router.engine_time import EngineTime, allocate_in_time
from router.generation import Capability, Completion, GenerationRequest
from router.units import Unit
from router.warm_up import compile_kernels
from worker.bootstrap import Workshop
from worker.database import open_database
from worker.engine_room import EngineRoom
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad
from worker.objective import Mode, Objective, Totals
from worker.pool import load_pool, register_pool
from worker.runs import dispatch
from worker.settings import read_settings
from worker.submission import TENANT, RunPlan, submit_run

TASKS, QUICK_TASKS = 2400, 800
PER_SECOND = {"little": 160.0, "big": 40.0}  # answers
AT_ONCE = 8  # on each engine
DEADLINE_SHARES = (0.7, 0.45, 0.3)  # of the time that the better engine takes for all
SPENT_SHARE = 0.97  # of what is possible in hindsight
SLOWER = 2.0
SEED = 3
STRATEGIES = """
engines:
  little: {kind: echo, model: little, description: quick}
  big: {kind: echo, model: big, description: slow}
strategies:
  - {name: little, engine: little, decoding: {method: direct, max_tokens: 10}}
  - {name: big, engine: big, decoding: {method: direct, max_tokens: 40}}
"""


class TimedEngine:
    """Answers so many requests a second, `AT_ONCE` at a time; fewer after a number of them."""

    capabilities = frozenset(Capability)
    instant = False
    concurrency = AT_ONCE

    def __init__(self, name: str, *, slow_after: int | None) -> None:
        self.name = name
        self._seconds = AT_ONCE / PER_SECOND[name]
        self._slow_after = slow_after
        self._asked = 0
        self._free = asyncio.Semaphore(AT_ONCE)

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> Completion:
        """An empty answer, in its time."""
        async with self._free:
            self._asked += 1
            is_slow = self._slow_after is not None and self._asked > self._slow_after
            await asyncio.sleep(self._seconds * (SLOWER if is_slow else 1.0))
        return Completion(texts=("",), finish_reasons=("stop",), prompt_tokens=1, output_tokens=request.max_tokens // 2)

    async def stop(self) -> None:
        """Nothing to free."""

    def load(self) -> EngineLoad:
        """As many as it takes."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """No model."""
        return EngineIdentity(**dict.fromkeys(EngineIdentity.__dataclass_fields__, "none"))


class Ended(NamedTuple):
    """What became of the job."""

    seconds: float
    accuracy: float  # summed as predicted over the strategies that answered
    on_big: int


def predict(tasks: int) -> Predictions:
    """The better engine is better by a different margin for every task."""
    rng = np.random.default_rng(SEED)
    low = rng.uniform(0.1, 0.6, tasks)
    accuracy = np.stack([low, low + rng.uniform(0.0, 0.4, tasks)], axis=1).astype(np.float32)
    cost = np.tile([6.0, 21.0], (tasks, 1))
    return Predictions(
        accuracy=accuracy,
        cost=cost,
        worst_cost=cost * 4,
        prompt_tokens=np.ones((tasks, 2), dtype=np.int32),
    )


@contextmanager
def open_timed_workshop() -> Iterator[Workshop]:
    """A workshop on a database of its own, which is gone afterwards."""
    compile_kernels()
    folder = Path(tempfile.mkdtemp(prefix="apportion-bench-"))
    folder.chmod(0o755)  # where root runs this, the database's own user has to pass through
    settings = dataclasses.replace(read_settings(), database_url=None, data_directory=folder)
    file = folder / "strategies.yaml"
    file.write_text(STRATEGIES, encoding="utf-8")
    pool = load_pool(file, cache_directory=folder)
    try:
        with open_database(settings) as database:
            ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id=TENANT, pool=pool))
            yield Workshop(settings=settings, database=database, pool=pool, strategy_ids=ids, watch=lambda _: None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_job(
    workshop: Workshop, predictions: Predictions, *, due_seconds: float | None, slow_after: int | None = None
) -> Ended:
    """Submit it, drive it to its end, and read who answered what."""
    job = _store(workshop, predictions, due_seconds=due_seconds)
    began = time.monotonic()
    asyncio.run(_answer(workshop, job, slow_after=slow_after))
    seconds = time.monotonic() - began
    column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
    with session_scope(workshop.database) as session:
        cells = [
            (result.seq, column_of[result.outcome.strategy_id])
            for result in iterate_results(session, job_id=job.id)
            if result.outcome is not None
        ]
    assert len(cells) == job.task_count
    return Ended(
        seconds=seconds,
        accuracy=float(sum(predictions.accuracy[cell] for cell in cells)),
        on_big=sum(column for _, column in cells),
    )


def _store(workshop: Workshop, predictions: Predictions, *, due_seconds: float | None) -> Job:
    cap = int(predictions.worst_cost[:, 1].sum())  # no money is short: only time
    plan = RunPlan(
        objective=Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated="all", cap=cap),
        totals=Totals(cheapest=0, cheapest_worst=0, dearest=0),
        predictions=predictions,
        version_ids=(),
        encoder="none",
        encoding_seconds=0.0,
        planning_seconds=0.0,
    )
    tasks = [NewTask(custom_id=f"task-{seq}", payload=write_payload(seq)) for seq in range(len(predictions.cost))]
    job_id = run_in_transaction(
        workshop.database,
        lambda session: submit_run(session, tasks=tasks, plan=plan, strategy_ids=workshop.strategy_ids, meta={}),
    )
    with session_scope(workshop.database) as session:
        if due_seconds is not None:
            due = func.clock_timestamp() + timedelta(seconds=due_seconds)
            session.execute(update(JobRow).where(JobRow.id == job_id).values(deadline=due))
        return read_job(session, job_id=job_id)


async def _answer(workshop: Workshop, job: Job, *, slow_after: int | None) -> None:
    room = EngineRoom(
        workshop.pool,
        build=lambda model: TimedEngine(model.spec.name, slow_after=slow_after if model.spec.name == "big" else None),
    )
    await room.start()
    try:
        ended = await dispatch(workshop, room, job=job, draining=threading.Event())
        assert ended.completed
    finally:
        await room.stop()


def find_best(predictions: Predictions, *, seconds: float, big_per_second: float = PER_SECOND["big"]) -> float:
    """The most accuracy that fits in this time for whoever knows how fast the engines are."""
    per_task = predictions.cost[0]
    known = EngineTime(
        names=("little", "big"),
        engine_of=np.array([0, 1]),
        rate=np.array([PER_SECOND["little"] * per_task[0], big_per_second * per_task[1]]),
        queued=np.zeros(2),
        seconds_left=seconds,
    )
    return allocate_in_time(predictions.accuracy, predictions.cost, np.inf, known).allocation.accuracy


def measure(workshop: Workshop, tasks: int) -> list[Figure]:
    """A line for each run, and its figures."""
    predictions = predict(tasks)
    print(f"{tasks:,} tasks; engines of {PER_SECOND['little']:g} and {PER_SECOND['big']:g} answers a second")
    print("run                         due s   ended s   on the better one   accuracy   of the best in that time")
    free = run_job(workshop, predictions, due_seconds=None)
    alone = tasks / PER_SECOND["big"]
    print(f"{'no deadline':<24}{'-':>9}{free.seconds:>10.1f}{free.on_big:>20,}{free.accuracy / tasks:>11.4f}")
    figures = []
    runs: list[tuple[str, float, int | None]] = [
        (f"{share:.0%} of {alone:.0f} s", share * alone, None) for share in DEADLINE_SHARES
    ]
    middle = DEADLINE_SHARES[0] * alone
    runs.append(("the better one slows down", middle, int(PER_SECOND["big"] * middle / 3)))
    for name, due, slow_after in runs:
        ended = run_job(workshop, predictions, due_seconds=due, slow_after=slow_after)
        # At full speed for a third of the time, at half of it for two thirds.
        mean_speed = PER_SECOND["big"] * (1.0 if slow_after is None else 1 / 3 + 2 / 3 / SLOWER)
        best = find_best(predictions, seconds=due, big_per_second=mean_speed)
        share = ended.accuracy / best
        mean = ended.accuracy / tasks
        print(f"{name:<24}{due:>9.1f}{ended.seconds:>10.1f}{ended.on_big:>20,}{mean:>11.4f}{share:>27.1%}")
        figures += [
            Figure(f"{name}: ended", ended.seconds / due, "of the time", "<= 1", ended.seconds <= due),
            Figure(f"{name}: accuracy", share, "of the best", f">= {SPENT_SHARE}", share >= SPENT_SHARE),
        ]
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the tasks")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    with open_timed_workshop() as workshop:
        figures = measure(workshop, QUICK_TASKS if arguments.quick else TASKS)
    print_figures(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
