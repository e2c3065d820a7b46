"""How predictions held in the latest runs of a tenant, by strategy: from samples of bounded size."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.job_list import list_jobs
from db.job_samples import SampledTasks, sample_run
from db.jobs import Job
from db.states import JobKind
from db.strategies import read_strategies
from gateway.dashboard.final_jobs import FinalJobs

LATEST_JOBS = 50  # that are looked through for runs
SAMPLED_RUNS = 5  # the latest of them
RUNS_EACH = 24  # some 770 tasks of each

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Experience:
    """Arrays over the sampled tasks that one strategy answered."""

    predicted: Floats
    grade: Floats  # NaN = no grade
    predicted_cost: Floats  # in multiples of its job's mean, whose unit then does not matter
    paid: Floats  # in the same

    def join(self, other: "Experience") -> "Experience":
        """Both, one after the other."""
        names = Experience.__dataclass_fields__
        return Experience(**{name: np.concatenate((getattr(self, name), getattr(other, name))) for name in names})


def gather_experience(session: Session, *, tenant_id: str, known: FinalJobs[SampledTasks]) -> Mapping[str, Experience]:
    """By the strategies' names, over the latest runs."""
    gathered: dict[str, Experience] = {}
    runs = [job for job in list_jobs(session, tenant_id=tenant_id, limit=LATEST_JOBS) if job.kind is JobKind.RUN]
    for job in runs[:SAMPLED_RUNS]:
        sample = known.recall(job, lambda job=job: sample_run(session, job=job, runs=RUNS_EACH))  # type: ignore[misc]  # bound to this turn
        for name, experience in _split(session, job, sample).items():
            gathered[name] = gathered[name].join(experience) if name in gathered else experience
    return gathered


def _split(session: Session, job: Job, sample: SampledTasks) -> Mapping[str, Experience]:
    names = [strategy.name for strategy in read_strategies(session, strategy_ids=job.strategy_ids)]
    split = {}
    for column, name in enumerate(names):
        own = np.flatnonzero((sample.choice == column) & (sample.alike > 0))
        if own.size:
            mean_quanta = max(1.0, float(sample.cost[own, column].mean()))
            split[name] = Experience(
                predicted=sample.accuracy[own, column],
                grade=sample.grade[own],
                predicted_cost=sample.cost[own, column] / mean_quanta,
                paid=sample.paid[own] / mean_quanta,
            )
    return split
