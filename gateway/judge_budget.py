"""What a judge may spend, from how it was stated."""

from db.jobs import Job
from gateway.errors import UsageError
from router.units import Amount, BudgetPercent
from worker.objective import Objective
from worker.pool import ServingPool


def settle_judge_budget(stated: Amount | BudgetPercent, *, job: Job, judge: ServingPool) -> Amount:
    """The judge's cap; a percentage is one of the judged job's own."""
    (priced,) = judge.strategies
    if isinstance(stated, BudgetPercent):
        objective = Objective.from_json(job.objective)
        if objective.cap is None:
            raise UsageError(f"--budget is a percentage, and job {job.id} has no budget of its own: state an amount")
        stated = Amount(unit=objective.unit, quanta=stated.quanta_between(0, objective.cap))
    if stated.unit not in priced.tariff.prices:
        known = " or ".join(sorted(priced.tariff.prices))
        raise UsageError(f"--budget is in {stated.unit}, in which {priced.strategy.name} has no price: use {known}")
    return stated
