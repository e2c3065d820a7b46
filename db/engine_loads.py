"""What engines did lately and have yet to do, in predicted cost: from the groups of their strategies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.tables import WindowRow

LATELY = timedelta(hours=1)
GROUPS_EACH = 8  # of a strategy's ended groups, the latest


@dataclass(frozen=True, kw_only=True)
class GroupLoad:
    """A group on its engine, from when it could be claimed until it ended; seconds before now."""

    engine: str
    began: float
    ended: float  # 0 for one that is open
    done: float  # predicted cost, in quanta, of what was settled, and half of what is with the engine
    left: float  # of the rest, where it goes before the job or belongs to it


# An engine has work from the moment a group is ready for it: whoever should claim it and does not is part of its rate.
_LIST = text("""
    WITH own AS (
        SELECT job.id, job.priority, budget.unit FROM job JOIN budget ON budget.id = job.budget_id
        WHERE job.id = :job_id
    ), served AS (
        SELECT id FROM strategy WHERE spec ->> 'engine' = ANY (:engines)
    ), recent AS (
        SELECT ended.id FROM served CROSS JOIN LATERAL (
            SELECT id FROM grp WHERE strategy_id = served.id AND state = 'done'
              AND finished_at > clock_timestamp() - :lately
            ORDER BY finished_at DESC LIMIT :groups_each
        ) AS ended
        UNION ALL SELECT id FROM grp WHERE state <> 'done' AND strategy_id IN (SELECT id FROM served)
    )
    SELECT strategy.spec ->> 'engine' AS engine,
           extract(epoch FROM clock_timestamp() - grp.created_at)::float8 AS began,
           coalesce(extract(epoch FROM clock_timestamp() - grp.finished_at)::float8, 0) AS ended,
           (grp.predicted_cost * share.done)::float8 AS done,
           CASE WHEN grp.state <> 'done' AND job.priority >= own.priority
                THEN (grp.predicted_cost * (1 - share.done))::float8 ELSE 0 END AS left
    FROM recent JOIN grp USING (id) JOIN strategy ON strategy.id = grp.strategy_id JOIN job ON job.id = grp.job_id
    JOIN budget ON budget.id = job.budget_id CROSS JOIN own
    CROSS JOIN LATERAL (SELECT (grp.settled + grp.started) / (2.0 * cardinality(grp.seqs)) AS done) AS share
    WHERE budget.unit = own.unit
""")

_LIST_ENGINES = text("SELECT id, spec ->> 'engine' AS engine FROM strategy WHERE id = ANY (:ids)")


def list_group_loads(session: Session, *, job_id: int, engines: Sequence[str]) -> list[GroupLoad]:
    """Open groups of these engines, and those that ended lately, of all jobs whose budget has this job's unit."""
    names = {"job_id": job_id, "engines": list(engines), "lately": LATELY, "groups_each": GROUPS_EACH}
    return [GroupLoad(**row._mapping) for row in session.execute(_LIST, names)]


def list_engines_of(session: Session, *, strategy_ids: Sequence[int]) -> list[str]:
    """The engine of each strategy, in this order."""
    rows = session.execute(_LIST_ENGINES, {"ids": list(strategy_ids)})
    names: dict[int, str] = {row.id: row.engine for row in rows}
    return [names[strategy_id] for strategy_id in strategy_ids]


def read_engine_time(session: Session, *, job_id: int) -> Mapping[str, Any] | None:
    """How the job's latest routed window was planned for its deadline; None where none was."""
    latest = select(WindowRow.engine_time).where(WindowRow.job_id == job_id, WindowRow.engine_time.is_not(None))
    kept: Mapping[str, Any] | None = session.execute(latest.order_by(WindowRow.id.desc()).limit(1)).scalar()
    return kept
