"""What there is to do, over all jobs: asked by workers that were woken, and by whoever wakes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.breakers import is_open
from db.jobs import Job, read_job
from db.states import GroupState, JobState
from db.tables import GroupRow, JobRow, StrategyRow


@dataclass(frozen=True, kw_only=True)
class RoutableJob:
    """A job with tasks to be routed, and how it stands among the jobs of its budget."""

    job: Job
    shares_budget: bool
    budget_unrouted: int  # tasks that no window has cut yet, of all jobs of the budget
    budget_waiting_seconds: float  # since the oldest of those jobs was submitted
    started: int  # answers that were started so far


_LIST_ROUTABLE = text("""
    WITH open AS (
        SELECT job.*, EXISTS (SELECT FROM task_window WHERE job_id = job.id AND state = 'ready')
                      OR EXISTS (SELECT FROM requeue WHERE job_id = job.id AND window_id IS NULL
                                 AND reason IN ('denied', 'retry', 'recalled', 'second_chance')
                                 AND (not_before <= clock_timestamp() OR created_at > clock_timestamp()))
                      AS has_returned
        FROM job WHERE finished_at IS NULL AND state IN ('submitted', 'running') AND NOT paused
    ), drawn AS (
        SELECT budget_id, sum(task_count - cursor_seq) AS unrouted, count(*) AS jobs,
               extract(epoch FROM clock_timestamp() - min(submitted_at) FILTER (WHERE cursor_seq < task_count))::float8
               AS waiting
        FROM open GROUP BY budget_id
    )
    SELECT open.id, drawn.jobs > 1 AS shares_budget, drawn.unrouted, coalesce(drawn.waiting, 0) AS waiting,
           (SELECT coalesce(sum(started), 0) FROM grp WHERE grp.job_id = open.id) AS started
    FROM open JOIN drawn USING (budget_id)
    WHERE open.cursor_seq < open.task_count OR open.has_returned
    ORDER BY open.priority DESC, open.deadline ASC NULLS LAST, open.id
""")


def list_routable_jobs(session: Session) -> list[RoutableJob]:
    """Jobs with tasks that no window holds, in the order in which they go first."""
    return [
        RoutableJob(
            job=read_job(session, job_id=row.id),
            shares_budget=row.shares_budget,
            budget_unrouted=int(row.unrouted),
            budget_waiting_seconds=row.waiting,
            started=int(row.started),
        )
        for row in session.execute(_LIST_ROUTABLE).all()
    ]


def list_waiting_engines(session: Session) -> list[str]:
    """The engines, by their names in the strategy files, for which groups are ready."""
    engine = StrategyRow.spec["engine"].astext
    ready = select(engine).distinct().select_from(GroupRow)
    ready = ready.join(StrategyRow, StrategyRow.id == GroupRow.strategy_id).join(JobRow, JobRow.id == GroupRow.job_id)
    ready = ready.where(GroupRow.state == GroupState.READY, ~JobRow.paused, ~is_open(GroupRow.strategy_id))
    return sorted(session.execute(ready).scalars())


_LIST_ENDED = text("""
    SELECT id FROM job WHERE finished_at IS NULL AND cursor_seq = task_count
      AND NOT EXISTS (SELECT FROM grp WHERE job_id = job.id AND state <> 'done')
      AND NOT EXISTS (SELECT FROM task_window WHERE job_id = job.id AND state <> 'routed')
      AND NOT EXISTS (SELECT FROM requeue WHERE job_id = job.id AND window_id IS NULL
                      AND reason IN ('denied', 'retry', 'recalled', 'second_chance'))
    ORDER BY id
""")


def list_ended_jobs(session: Session) -> Sequence[int]:
    """Open jobs with nothing left to do: they wait to be completed."""
    return list(session.execute(_LIST_ENDED).scalars())


def list_cancelling_jobs(session: Session) -> Sequence[int]:
    """Jobs that were cancelled while engines had some of their tasks."""
    return list(session.execute(select(JobRow.id).where(JobRow.state == JobState.CANCELLING)).scalars())
