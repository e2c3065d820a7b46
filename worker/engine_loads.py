"""How long a job's engines have: what they did in a second lately, what they have to do first, and the deadline."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Engine as Database

from db.clock import read_clock
from db.engine_loads import GroupLoad, list_engines_of, list_group_loads
from db.jobs import Job
from db.session import session_scope
from router.engine_time import EngineTime

PLANNED_SHARE = 0.95  # of the time left: the last answers take as long as an answer takes
LEAST_SECONDS = 1.0  # once the deadline is over, all that is left is to end soon


def read_job_time(database: Database, *, job: Job) -> EngineTime | None:
    """What the job's engines can still do; None for a job without a deadline."""
    if job.deadline is None:
        return None
    with session_scope(database) as session:
        now = read_clock(session)
        engines = list_engines_of(session, strategy_ids=job.strategy_ids)
        loads = list_group_loads(session, job_id=job.id, engines=engines)
    return measure_time(loads, engines=engines, now=now, deadline=job.deadline)


def measure_time(
    loads: Sequence[GroupLoad], *, engines: Sequence[str], now: datetime, deadline: datetime
) -> EngineTime:
    """The time of engines, given for each strategy's column, out of what their groups did and have left."""
    names = sorted(set(engines))
    own = [[load for load in loads if load.engine == name] for name in names]
    return EngineTime(
        names=tuple(names),
        engine_of=np.array([names.index(engine) for engine in engines], dtype=np.int64),
        rate=np.array([_measure_rate(of_engine) for of_engine in own]),
        queued=np.array([sum(load.left for load in of_engine) for of_engine in own], dtype=np.float64),
        seconds_left=max(LEAST_SECONDS, PLANNED_SHARE * (deadline - now).total_seconds()),
    )


def _measure_rate(loads: Sequence[GroupLoad]) -> float:
    """Predicted cost that was done in a second while there was any to do; infinite where nothing was done yet."""
    done, busy = sum(load.done for load in loads), _cover((load.ended, load.began) for load in loads)
    return done / busy if done > 0 and busy > 0 else np.inf


def _cover(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in at least one of the spans (end, begin), which are counted back from now."""
    covered, reached = 0.0, 0.0
    for end, begin in sorted(spans):
        covered += max(0.0, begin - max(end, reached))
        reached = max(reached, begin)
    return covered
