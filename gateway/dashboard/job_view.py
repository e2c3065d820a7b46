"""What the page of a job is made from: counts and a sample, never a look at every task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.continuations import find_continuation
from db.engine_loads import read_engine_time
from db.group_counts import GroupCount, count_groups
from db.job_samples import SampledTasks, sample_run
from db.jobs import Job
from db.outcome_counts import OutcomeCounts, read_outcome_counts
from db.progress import count_requeued
from db.spending_points import SpendMoment
from db.states import FINAL_STATES, JobKind, RequeueReason
from db.strategies import StoredStrategy, read_strategies
from gateway.dashboard.job_name import name_job
from gateway.dashboard.spending_traces import SpendingTraces
from gateway.report.deadline import say_deadline
from gateway.report.gather import describe_objective
from router.units import Unit
from worker.objective import Objective

PACE_KNOWN = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class JobView:
    """A job as it stands."""

    job: Job
    name: str  # what people know it by
    objective: Objective
    budget: Budget
    strategies: Sequence[StoredStrategy]
    counts: OutcomeCounts
    groups: Sequence[GroupCount]
    requeued: Mapping[RequeueReason, int]
    spending: Sequence[SpendMoment]
    sample: SampledTasks | None  # None: not a run, so nothing was predicted
    deadline_words: str | None
    continued_by: int | None
    at: datetime

    @property
    def asked(self) -> str:
        """What it was submitted with."""
        return describe_objective(self.objective)

    @property
    def unit(self) -> Unit:
        """Of every cost."""
        return self.objective.unit

    @property
    def is_final(self) -> bool:
        """Whether nothing of it will ever change."""
        return self.job.state in FINAL_STATES

    @property
    def needed(self) -> int:
        """Answers that it is to have."""
        return self.job.task_count * len(self.job.arms)

    @property
    def cap(self) -> int | None:
        """What it may spend at most; of a shared budget what was left of that when it was submitted."""
        return self.objective.cap if self.budget.shared else self.budget.cap

    @property
    def spent(self) -> int:
        """What was paid, with what was burned."""
        return self.spending[-1].spent + self.spending[-1].burned if self.spending else 0

    @property
    def reserved(self) -> int:
        """What is held for work that runs."""
        return self.spending[-1].reserved if self.spending else 0

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before a twentieth is answered, and while nothing is started."""
        done = self.counts.outcomes / max(1, self.needed)
        if self.is_final or self.job.paused or self.job.started_at is None or done < PACE_KNOWN:
            return None
        return (self.at - self.job.started_at).total_seconds() * (1 - done) / done

    @property
    def observed_accuracy(self) -> float | None:
        """The share of right answers among those with a grade."""
        return self.counts.correct / self.counts.graded if self.counts.graded else None

    @property
    def reached_accuracy(self) -> float | None:
        """The same over all tasks: one without an answer counts as not right, as on the frontier."""
        observed = self.observed_accuracy
        return None if observed is None else observed * self.counts.outcomes / max(1, self.needed)

    @property
    def predicted_accuracy(self) -> float | None:
        """What the answers were predicted to reach, in the mean over the sample."""
        if self.sample is None or not (rows := np.flatnonzero(self.sample.choice >= 0)).size:
            return None
        return float(np.nan_to_num(self.sample.accuracy[rows, self.sample.choice[rows]]).mean())


def gather_job(session: Session, *, job: Job, traces: SpendingTraces) -> JobView:
    """The job as it stands now, in a time that does not grow with its tasks."""
    now = datetime.now(UTC)
    engine_time = None if job.deadline is None else read_engine_time(session, job_id=job.id)
    return JobView(
        job=job,
        name=name_job(session, job),
        objective=Objective.from_json(job.objective),
        budget=read_budget(session, budget_id=job.budget_id),
        strategies=read_strategies(session, strategy_ids=job.strategy_ids),
        counts=read_outcome_counts(session, job_id=job.id),
        groups=count_groups(session, job_id=job.id),
        requeued=count_requeued(session, job_id=job.id),
        spending=traces.trace(session, job),
        sample=sample_run(session, job=job) if job.kind is JobKind.RUN else None,
        deadline_words=None if job.deadline is None else say_deadline(job.deadline, engine_time),
        continued_by=find_continuation(session, job_id=job.id),
        at=now,
    )
