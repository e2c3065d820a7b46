"""A job for the fault suite: tasks enough to be disturbed in the middle, under a cap that binds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.predictions import Predictions
from db.session import run_in_transaction
from router.units import Unit
from tests.worker.fake_night import make_tasks
from worker.objective import Mode, Objective, Totals
from worker.pool import load_pool, register_pool
from worker.submission import RunPlan, submit_run

ENGINE = "scripted"
PROMPT_TOKENS = 5
MAX_TOKENS = {"small": 10, "large": 40}
LEAST_WORST = PROMPT_TOKENS + MAX_TOKENS["small"]  # what a task needs at least to be sure of an answer
STRATEGIES = f"""
engines:
  {ENGINE}: {{kind: echo, model: none, description: no model, options: {{delay_seconds: 0.1, concurrency: 8}}}}
strategies:
""" + "".join(
    f"  - {{name: {name}, engine: {ENGINE}, decoding: {{method: direct, max_tokens: {most}}}}}\n"
    for name, most in MAX_TOKENS.items()
)


def write_strategies(folder: Path, text: str = STRATEGIES) -> Path:
    """The strategy file of producers and workers."""
    path = folder / "strategies.yaml"
    path.write_text(text)
    return path


def submit_load(database: Database, *, tasks: int, cap: int, strategies: Path, seed: int = 0) -> int:
    """The id of a stored job of this many tasks, each worth its own from either strategy."""
    pool = load_pool(strategies, cache_directory=strategies.parent)
    plan = RunPlan(
        objective=Objective(mode=Mode.BUDGET, unit=Unit.TOKENS, stated=f"{cap} tokens", cap=cap),
        totals=Totals(cheapest=0, cheapest_worst=0, dearest=0),
        predictions=_predict(tasks, most=list(MAX_TOKENS.values()), seed=seed),
        version_ids=(),
        encoder="none",
        encoding_seconds=0.0,
        planning_seconds=0.0,
    )

    def store(session: Session) -> int:
        strategy_ids = register_pool(session, tenant_id="default", pool=pool)
        return submit_run(session, tasks=make_tasks(tasks), plan=plan, strategy_ids=strategy_ids, meta={})

    return run_in_transaction(database, store)


def _predict(tasks: int, *, most: Sequence[int], seed: int) -> Predictions:
    generator = np.random.default_rng(seed)
    accuracy = np.column_stack([generator.uniform(0, 0.5, tasks), generator.uniform(0.3, 1, tasks)])
    worst = PROMPT_TOKENS + np.array(most, dtype=np.float64)
    mean = PROMPT_TOKENS + np.array(most, dtype=np.float64) / 2
    return Predictions(
        accuracy=accuracy.astype(np.float32),
        cost=np.tile(mean, (tasks, 1)),
        worst_cost=np.tile(worst, (tasks, 1)),
        prompt_tokens=np.full((tasks, len(most)), PROMPT_TOKENS, dtype=np.int32),
    )
