"""Trials begin, are looked at when enough labels have come, and end; what won serves from then on."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.clock import read_clock
from db.predictors import count_on_trial, promote, set_state
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from db.trial_windows import TriedTask, count_trial_traffic, read_tried_tasks
from db.trials import Trial, add_look, end_trial, list_open_trials, lock_open_trial, open_trials
from router.promotion.report_json import to_json
from router.promotion.trial import TRIAL_DAYS, Look, TrialRows, Verdict, is_look_due, judge_trial
from worker.submission import TENANT

logger = logging.getLogger(__name__)

LONGEST = timedelta(days=2 * TRIAL_DAYS)  # a trial that labels come to so slowly is given up
WITHDRAWN = "withdrawn"  # the verdict on a trial whose versions somebody else has disposed of
STATES = {
    Verdict.HARMFUL: PredictorState.REJECTED,
    Verdict.FUTILE: PredictorState.HELD,
    Verdict.UNEVEN: PredictorState.HELD,
}


def sweep_trials(database: Database) -> None:
    """Look at every open trial, end those that are decided, and begin new ones with what waits."""
    with session_scope(database) as session:
        trials = list_open_trials(session, tenant_id=TENANT)
    for trial in trials:
        run_in_transaction(database, partial(_look_at, trial_id=trial.id))
    for trial_id in run_in_transaction(database, partial(open_trials, tenant_id=TENANT)):
        logger.info("trial %d: begins", trial_id)


def _look_at(session: Session, *, trial_id: int) -> None:
    trial = lock_open_trial(session, trial_id=trial_id)  # another trainer may look at the same moment
    if trial is None:
        return
    versions = trial.predictor_version_ids
    if count_on_trial(session, predictor_ids=versions) < len(versions):
        end_trial(session, trial=trial, verdict=WITHDRAWN)
        _dispose(session, trial, to=PredictorState.HELD)
        return
    tasks = read_tried_tasks(session, trial_id=trial.id)
    looks = tuple(int(look["labels"]) for look in trial.looks)
    if is_look_due(len(tasks), last_look=looks[-1] if looks else 0):
        traffic = count_trial_traffic(session, trial_id=trial.id)
        look = judge_trial(_gather(tasks), disagreement=traffic.apart / max(traffic.tasks, 1), earlier_looks=looks)
        add_look(session, trial=trial, look={**to_json(look), "at": datetime.now(UTC).isoformat()})
        if look.verdict is not Verdict.CONTINUE:
            _end(session, trial, look=look)
    elif read_clock(session) - trial.created_at > LONGEST:
        end_trial(session, trial=trial, verdict=Verdict.FUTILE)
        _dispose(session, trial, to=PredictorState.HELD)


def _gather(tasks: Sequence[TriedTask]) -> TrialRows:
    challenged, correct, spent, expected, window = zip(*tasks, strict=True)
    return TrialRows(
        challenged=np.array(challenged, dtype=bool),
        correct=np.array(correct, dtype=np.float64),
        spent=np.array(spent, dtype=np.float64),
        expected=np.array(expected, dtype=np.float64),
        window=np.array(window, dtype=np.int64),
    )


def _end(session: Session, trial: Trial, *, look: Look) -> None:
    end_trial(session, trial=trial, verdict=look.verdict)
    logger.info(
        "trial %d: %s after %d labels, %+.2f points over all tasks",
        trial.id,
        look.verdict,
        sum(look.labels_by_arm),
        100 * look.policy_gain.mean,
    )
    if look.verdict is Verdict.PROMOTE:
        for version_id in trial.predictor_version_ids:
            promote(session, tenant_id=trial.tenant_id, predictor_id=version_id)
    else:
        _dispose(session, trial, to=STATES[look.verdict])


def _dispose(session: Session, trial: Trial, *, to: PredictorState) -> None:
    set_state(session, predictor_ids=trial.predictor_version_ids, before=PredictorState.ON_TRIAL, to=to)
