"""One line for each job of a list: how far it is, what it has used, how its money went."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.budgets import Budget, read_budget
from db.jobs import Job
from db.outcome_counts import OutcomeCounts, read_outcome_counts
from db.spending_points import SpendMoment
from gateway.dashboard.charts.chart import thin
from gateway.dashboard.final_jobs import FinalJobs
from gateway.dashboard.job_name import name_jobs
from gateway.dashboard.spending_traces import SpendingTraces
from router.units import Unit
from worker.objective import Objective

BURN_POINTS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Use:
    """What a job did so far."""

    counts: OutcomeCounts
    spending: Sequence[SpendMoment]


@dataclass(frozen=True, kw_only=True, eq=False)
class JobLine:
    """A job in the list."""

    job: Job
    name: str
    use: Use
    unit: Unit
    stated: str  # what was asked for
    cap: int | None
    budget: Budget

    @property
    def needed(self) -> int:
        """Answers that it is to have."""
        return self.job.task_count * len(self.job.arms)

    @property
    def accuracy(self) -> float | None:
        """The share of right answers among those with a grade."""
        counts = self.use.counts
        return counts.correct / counts.graded if counts.graded else None

    @property
    def spent(self) -> int:
        """What was paid, with what was burned."""
        last = self.use.spending[-1:]
        return sum(moment.spent + moment.burned for moment in last)

    @property
    def burn_down(self) -> str | None:
        """What was left of the cap, as points of an SVG of 100 by 24; None without a cap, or at the start."""
        if not self.cap or len(self.use.spending) < 2:
            return None
        spending = self.use.spending
        moments = [spending[place] for place in thin(len(spending), limit=BURN_POINTS)]
        began, ended = moments[0].at, moments[-1].at
        span = max((ended - began).total_seconds(), 1e-9)
        left = [max(0.0, 1 - (moment.spent + moment.burned) / self.cap) for moment in moments]
        at = [100 * (moment.at - began).total_seconds() / span for moment in moments]
        return " ".join(f"{x:.1f},{1 + 22 * (1 - share):.1f}" for x, share in zip(at, left, strict=True))


def describe_jobs(
    session: Session, jobs: Sequence[Job], *, known: FinalJobs[Use], traces: SpendingTraces
) -> list[JobLine]:
    """The lines, in the order of the jobs."""
    names = name_jobs(session, jobs)
    return [_describe(session, job, name=names[job.id], known=known, traces=traces) for job in jobs]


def _describe(session: Session, job: Job, *, name: str, known: FinalJobs[Use], traces: SpendingTraces) -> JobLine:
    objective, budget = Objective.from_json(job.objective), read_budget(session, budget_id=job.budget_id)
    return JobLine(
        job=job,
        name=name,
        use=known.recall(job, lambda: _read_use(session, job, traces=traces)),
        unit=objective.unit,
        stated=objective.stated,
        cap=objective.cap if budget.shared else budget.cap,
        budget=budget,
    )


def _read_use(session: Session, job: Job, *, traces: SpendingTraces) -> Use:
    return Use(counts=read_outcome_counts(session, job_id=job.id), spending=traces.trace(session, job))
