"""Reads what was settled since the last look, and acts on predictions that do not hold: corrected, told, recalled."""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.drift import WITHDRAWN, NewAlarm, StoredCorrection, StoredDrift, append_alarm, read_drifts, store_drift
from db.jobs import read_job
from db.predictions import read_predictions, read_version_ids
from db.session import run_in_transaction
from db.settled_rows import LABELS, SETTLEMENTS, SettledRow, hold_cursors, move_cursor, read_labelled, read_settled
from db.training_requests import has_open_request, request_training
from router.drift.correction import Correction
from router.drift.detector import Pick
from router.drift.jobs import OF_NO_KIND
from router.drift.outline import LEAST_TASKS
from router.drift.watch import UNSEEN, Alarm, Settled, note_settled
from router.drift.watch_json import read_watch, write_watch
from worker.known_drift import AS_PREDICTED
from worker.strategy_health import recall_tasks
from worker.submission import TENANT

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
YOUNG_SECONDS = 0.5  # settlements are committed within milliseconds
ANSWERS_A_LOOK = 5000  # a tenth of a second; more than engines with models in them give in a second
LABELS_A_LOOK = 2000
LIKELY = 0.5  # an answer whose strategy was less likely than this to be chosen was drawn to explore


class DriftSweep:
    """Called often, looks now and then; of several processes one at a time does."""

    def __init__(
        self,
        database: Database,
        *,
        pause_seconds: float = PAUSE_SECONDS,
        young_seconds: float = YOUNG_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._pause_seconds, self._young_seconds = pause_seconds, young_seconds
        self._now, self._due = now, 0.0

    def look(self) -> None:
        """Look at what was settled, if it is time."""
        if self._now() < self._due:
            return
        self._due = self._now() + self._pause_seconds
        found = run_in_transaction(
            self._database, lambda session: follow_settlements(session, young_seconds=self._young_seconds)
        )
        for version_id, strategy_id, alarm in found:
            if alarm.withdraws:
                logger.warning(
                    "the alarm about strategy %d is withdrawn: %.0f outcomes since then are as predictor %d was before "
                    "it; what came before the alarm teaches again",
                    strategy_id,
                    alarm.stretch.outcomes,
                    version_id,
                )
                continue
            logger.warning(
                "strategy %d is %s than predictor %d says, by %.0f outcomes: it is corrected, what waited for it is "
                "routed anew, and a training is asked for",
                strategy_id,
                alarm.broken,
                version_id,
                alarm.stretch.outcomes,
            )


class Found(NamedTuple):
    """An alarm and whose it is."""

    version_id: int
    strategy_id: int
    alarm: Alarm


class _Seen(NamedTuple):
    strategy_id: int
    settled: Settled


def follow_settlements(session: Session, *, young_seconds: float) -> list[Found]:
    """The alarms of what was settled since the last look; all that follows from them is done, unless rolled back."""
    held = hold_cursors(session)
    if held is None:
        return []
    settled = read_settled(session, after=held[SETTLEMENTS], young_seconds=young_seconds, answers=ANSWERS_A_LOOK)
    labelled = read_labelled(session, after=held[LABELS], young_seconds=young_seconds, labels=LABELS_A_LOOK)
    seen = _compare_all(session, [*settled.rows, *labelled.rows])
    stored = read_drifts(session, version_ids=list(seen))
    found = [
        alarm
        for version_id, outcomes in seen.items()
        for alarm in _note(session, version_id=version_id, before=stored.get(version_id), outcomes=outcomes)
    ]
    _act_on(session, found)
    for reader, read in ((SETTLEMENTS, settled), (LABELS, labelled)):
        if read.last_entry_id > held[reader]:
            move_cursor(session, reader=reader, entry_id=read.last_entry_id)
    return found


def _compare_all(session: Session, rows: Sequence[SettledRow]) -> dict[int, list[_Seen]]:
    """By predictor version."""
    seen: dict[int, list[_Seen]] = defaultdict(list)
    for job_id, own in groupby(sorted(rows, key=lambda row: row.job_id), key=lambda row: row.job_id):
        for version_id, outcome in _compare(session, job_id=job_id, rows=list(own)):
            seen[version_id].append(outcome)
    return seen


def _compare(session: Session, *, job_id: int, rows: Sequence[SettledRow]) -> Iterator[tuple[int, _Seen]]:
    """Each answer beside what was predicted for it, and by which version."""
    version_ids = read_version_ids(session, job_id=job_id)
    if not version_ids:
        return
    job = read_job(session, job_id=job_id)
    column_of = {own: column for column, own in enumerate(job.strategy_ids)}
    predictions = read_predictions(session, job_id=job_id, seqs=[row.seq for row in rows])
    for place, row in enumerate(rows):
        column = column_of[row.strategy_id]
        accuracy, cost = float(predictions.accuracy[place, column]), float(predictions.cost[place, column])
        if math.isnan(accuracy):
            continue
        drawn = row.propensity is not None and row.propensity < LIKELY
        settled = Settled(
            accuracy=accuracy,
            correct=row.correct,
            cost_ratio=row.cost / cost if row.cost is not None and cost > 0 else None,
            pick=Pick.DRAWN if drawn else Pick.CHOSEN,
            job=job_id if job.task_count >= LEAST_TASKS else OF_NO_KIND,
        )
        yield version_ids[column], _Seen(row.strategy_id, settled)


def _note(
    session: Session, *, version_id: int, before: StoredDrift | None, outcomes: Sequence[_Seen]
) -> Iterator[Found]:
    watch = UNSEEN if before is None else read_watch(before.watch)
    alarms = 0
    for strategy_id, settled in outcomes:
        watch, alarm = note_settled(watch, settled)
        if alarm is not None:
            alarms += 1
            yield Found(version_id, strategy_id, alarm)
    applied = AS_PREDICTED if before is None else StoredCorrection(before.log_odds_offset, before.cost_ratio)
    asked = watch.correct()
    if alarms or asked.differs(Correction(applied.log_odds_offset, applied.cost_ratio)):
        applied = StoredCorrection(asked.offset, asked.cost_ratio)
    charged = sum(outcome.settled.cost_ratio is not None for outcome in outcomes)
    drift = StoredDrift(
        predictor_version_id=version_id,
        outcomes=charged + (0 if before is None else before.outcomes),
        watch=write_watch(watch),
        log_odds_offset=applied.log_odds_offset,
        cost_ratio=applied.cost_ratio,
    )
    store_drift(session, drift=drift)


def _act_on(session: Session, found: Sequence[Found]) -> None:
    for version_id, strategy_id, alarm in found:
        count = alarm.stretch.outcomes
        append_alarm(
            session,
            alarm=NewAlarm(
                predictor_version_id=version_id,
                strategy_id=strategy_id,
                broken=WITHDRAWN if alarm.withdraws else alarm.broken,
                outcomes=count,
                predicted=alarm.stretch.predicted / count,
                observed=alarm.stretch.observed / count,
            ),
        )
    for strategy_id in sorted({own.strategy_id for own in found}):
        recall_tasks(session, strategy_id=strategy_id)
    if found and not has_open_request(session):
        request_training(session, tenant_id=TENANT)
