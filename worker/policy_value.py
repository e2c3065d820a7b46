"""What choosing by a challenger would have been worth, from the draws of past jobs, at what the past choices cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from db.explorations import iterate_draws
from db.explored_outcomes import ExploredOutcome, list_explored_jobs, read_explored_outcomes
from db.jobs import read_job
from db.predictions import Predictions, read_predictions
from router.promotion.off_policy import LoggedChoices, OffPolicyEstimate, Predicted, estimate_at_cost
from router.stack import PredictorStack
from router.units import Unit
from worker.champions import Challenger
from worker.forecast import measure_demand, predict
from worker.objective import Objective
from worker.pool import PricedStrategy
from worker.prediction_rows import join_rows
from worker.task_encoder import TaskEncoder
from worker.task_line import parse_task_line

MOST_JOBS = 10
MOST_OUTCOMES = 3000  # of all of them: each has to be encoded


@dataclass(frozen=True, kw_only=True)
class PolicyValues:
    """Both policies at equal cost; what the log can not speak for has no value."""

    cost: float  # quanta a task that either may cost: what the past choices did
    unit: Unit
    champion: OffPolicyEstimate  # by what was predicted when the tasks were planned
    challenger: OffPolicyEstimate


class Past(NamedTuple):
    """Explored tasks of the latest jobs, with what was predicted of every strategy then."""

    unit: Unit
    outcomes: Sequence[ExploredOutcome]
    log: LoggedChoices
    predictions: Predictions


def read_past(session: Session, *, strategy_ids: Sequence[int]) -> Past | None:
    """The latest explored tasks of jobs with just these strategies, in the latest job's unit; None: there are none."""
    column_of = {strategy_id: column for column, strategy_id in enumerate(strategy_ids)}
    outcomes: list[ExploredOutcome] = []
    propensity, predictions, unit = [], [], None
    for job_id in list_explored_jobs(session, strategy_ids=strategy_ids, most=MOST_JOBS):
        own = Objective.from_json(read_job(session, job_id=job_id).objective).unit
        unit = unit or own
        found = read_explored_outcomes(session, job_id=job_id, most=MOST_OUTCOMES - len(outcomes))
        if own is not unit or not found:
            continue
        chances = {draw.seq: draw.propensity for draw in iterate_draws(session, job_id=job_id)}
        propensity += [[chances[each.seq].get(key, 0.0) for key in strategy_ids] for each in found]
        predictions.append(read_predictions(session, job_id=job_id, seqs=[each.seq for each in found]))
        outcomes += found
    if unit is None or not outcomes:
        return None
    log = LoggedChoices(
        propensity=np.array(propensity),
        drawn=np.array([column_of[each.strategy_id] for each in outcomes], dtype=np.int64),
        correct=np.array([each.correct for each in outcomes], dtype=np.float64),
        cost=np.array([each.cost for each in outcomes], dtype=np.float64),
        window=np.array([each.window_id for each in outcomes], dtype=np.int64),
    )
    return Past(unit, outcomes, log, join_rows(predictions))


def value_policies(
    past: Past, *, challenger: Challenger, priced: PricedStrategy, column: int, encoder: TaskEncoder
) -> PolicyValues:
    """The values of choosing by the champions, and by the champions with this challenger in their midst."""
    lines = [parse_task_line(each.payload) for each in past.outcomes]
    own = predict(
        measure_demand(lines, [priced]),
        encoder.encode([line.embedded_text for line in lines]),
        strategies=[priced],
        stack=PredictorStack([challenger.pair]),
        unit=past.unit,
        cached_shares=[challenger.evidence.cached_share],
        prompt_shares=[challenger.prompt_shares],
    )
    model = Predicted(accuracy=past.predictions.accuracy.astype(np.float64), cost=past.predictions.cost)
    accuracy, cost = model.accuracy.copy(), model.cost.copy()
    allowed = ~np.isnan(cost[:, column])
    accuracy[:, column] = np.where(allowed, own.accuracy[:, 0], np.nan)
    cost[:, column] = np.where(allowed, own.cost[:, 0], np.nan)
    spent = float(past.log.cost.mean())
    policies = (model, Predicted(accuracy=accuracy, cost=cost))
    champions, challengers = (estimate_at_cost(past.log, policy=policy, model=model, cost=spent) for policy in policies)
    return PolicyValues(cost=spent, unit=past.unit, champion=champions, challenger=challengers)
