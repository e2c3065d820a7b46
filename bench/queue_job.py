"""The job of the queue's bench: lines of 400 bytes, three strategies of an engine without a model, predictions made up.

    python -m bench.queue_job TASKS

stores it as a producer would, in a process of its own, and prints how long that took.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from bench.process_use import ProcessUse, read_use
from db.predictions import Predictions
from db.session import run_in_transaction
from db.tasks import NewTask
from router.units import Unit
from worker.database import open_database
from worker.objective import Mode, Objective, sum_totals
from worker.pool import load_pool, register_pool
from worker.settings import Settings, read_settings
from worker.submission import TENANT, RunPlan, submit_run

LINE_BYTES = 400
ENGINE = "echo"
MAX_TOKENS = (4, 8, 12)  # of each strategy's answers
STRATEGY_FILE = "\n".join(
    [
        f"engines: {{{ENGINE}: {{kind: echo, model: echo, description: says back the last line}}}}",
        "strategies:",
        *(
            f"  - {{name: words-{count}, engine: {ENGINE}, decoding: {{method: direct, max_tokens: {count}}}}}"
            for count in MAX_TOKENS
        ),
    ]
)

_BEGIN = '{"custom_id": "'
_BODY = '", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "auto", '
_BODY += '"messages": [{"role": "user", "content": "Question '
_LAST_LINE = "\\none two three four five six seven eight nine ten eleven twelve"
_TAIL = _LAST_LINE + '"}]}, "grader": {"kind": "exact", "reference": "one two three four"}}'
_FILLED = "x" * (LINE_BYTES - len(_TAIL)) + _TAIL  # a line's end, from wherever its head ends
PROMPT_TOKENS = 20  # at most, in each prompt
BOUND_TOKENS = 4  # by which the worst case passes what is predicted
BUDGET_TOKENS = PROMPT_TOKENS + 10  # a task: not enough for the dearest strategy everywhere


@dataclass(frozen=True, kw_only=True)
class Enqueued:
    """What storing the job came to."""

    job_id: int
    seconds: float
    cpu_seconds: float  # of the producer, for storing alone
    use: ProcessUse


def write_lines(tasks: int) -> Iterator[NewTask]:
    """Lines of a job file, all different."""
    for number in range(tasks):
        custom_id = f"task-{number}"
        head = f"{_BEGIN}{custom_id}{_BODY}{number}: "
        yield NewTask(custom_id=custom_id, payload=f"{head}{_FILLED[len(head) :]}")


def plan_tasks(tasks: int) -> RunPlan:
    """A plan as the predictors would have made it."""
    shape = (tasks, len(MAX_TOKENS))
    accuracy = np.random.default_rng(0).uniform(0.1, 0.9, shape).astype(np.float32)
    accuracy.sort(axis=1)
    cost = np.tile(np.array(MAX_TOKENS, dtype=np.float64) + PROMPT_TOKENS, (tasks, 1))
    prompt_tokens = np.full(shape, PROMPT_TOKENS, dtype=np.int32)
    predictions = Predictions(accuracy=accuracy, cost=cost, worst_cost=cost + BOUND_TOKENS, prompt_tokens=prompt_tokens)
    cap = BUDGET_TOKENS * tasks
    return RunPlan(
        objective=Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated=f"{cap} tokens", cap=cap),
        totals=sum_totals(predictions),
        predictions=predictions,
        version_ids=(),
        encoder="none",
        encoding_seconds=0.0,
        planning_seconds=0.0,
    )


def store_job(settings: Settings, *, tasks: int) -> Enqueued:
    """The job in the database."""
    assert settings.strategies is not None
    pool = load_pool(settings.strategies, cache_directory=settings.cache_directory)
    plan = plan_tasks(tasks)
    with open_database(settings) as database:
        ids = run_in_transaction(database, lambda session: register_pool(session, tenant_id=TENANT, pool=pool))
        started, cpu_started = time.monotonic(), time.process_time()
        job_id = run_in_transaction(
            database,
            lambda session: submit_run(session, tasks=write_lines(tasks), plan=plan, strategy_ids=ids, meta={}),
        )
        seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu_started
    return Enqueued(job_id=job_id, seconds=seconds, cpu_seconds=cpu_seconds, use=read_use())


if __name__ == "__main__":
    print(json.dumps(asdict(store_job(read_settings(), tasks=int(sys.argv[1])))))
