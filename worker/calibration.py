"""Calibration: every strategy answers a graded file, or its recorded answers are imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.calibrations import list_calibrated
from db.jobs import complete_job
from db.outcomes import import_recording
from db.requeues import NewRequeue, insert_requeues
from db.states import RequeueReason
from db.tasks import NewTask
from worker.errors import RecordingError
from worker.pool import ServingPool
from worker.recording import REMEDY, Recording
from worker.submission import TENANT, submit_calibration


@dataclass(frozen=True, kw_only=True)
class CalibrationPlan:
    """What is left to do so that every strategy has outcomes on the file; positions in the pool."""

    done: Sequence[int]  # this database has their outcomes on this very file
    recorded: Sequence[int]  # the recording has them
    to_run: Sequence[int]


def plan_calibration(
    session: Session, *, pool: ServingPool, tasks_sha256: str, recording: Recording | None
) -> CalibrationPlan:
    """Who has to answer; a recording of another file is refused, one of other strategies is left unused."""
    if recording is not None and recording.tasks_sha256 != tasks_sha256:
        raise RecordingError(
            f"the recording was made on another version of the calibration file: {REMEDY}, or leave --recording out to "
            "run every strategy"
        )
    known = list_calibrated(session, tenant_id=TENANT, tasks_sha256=tasks_sha256)
    recorded_hashes = {} if recording is None else recording.strategy_hashes
    places: dict[str, list[int]] = {"done": [], "recorded": [], "to_run": []}
    for position, priced in enumerate(pool.strategies):
        name, spec_hash = priced.strategy.name, priced.strategy.spec_hash
        if spec_hash in known:
            places["done"].append(position)
        else:
            places["recorded" if recorded_hashes.get(name) == spec_hash else "to_run"].append(position)
    return CalibrationPlan(**places)


def submit_recorded(
    session: Session,
    *,
    tasks: Sequence[NewTask],
    tasks_sha256: str,
    pool: ServingPool,
    strategy_ids: Sequence[int],
    recording: Recording,
) -> int:
    """The id of a completed calibration job that holds the recorded outcomes of these strategies."""
    meta = calibration_meta(tasks_sha256=tasks_sha256, pool=pool) | {"engines": recording.engines}
    job_id = submit_calibration(session, tasks=tasks, pool=pool, strategy_ids=strategy_ids, meta=meta)
    seq_of = {task.custom_id: seq for seq, task in enumerate(tasks)}
    if strangers := [outcome.custom_id for outcome in recording.outcomes if outcome.custom_id not in seq_of]:
        raise RecordingError(f"the recording answers {strangers[0]}, which the calibration file does not ask: {REMEDY}")
    for priced, strategy_id in zip(pool.strategies, strategy_ids, strict=True):
        outcomes = [
            outcome.as_outcome(seq=seq_of[outcome.custom_id])
            for outcome in recording.outcomes
            if outcome.strategy == priced.strategy.name
        ]
        import_recording(session, job_id=job_id, strategy_id=strategy_id, outcomes=outcomes)
        unserved = set(range(len(tasks))) - {outcome.seq for outcome in outcomes}
        refused = [NewRequeue(seq=seq, arm=strategy_id, reason=RequeueReason.NOT_ELIGIBLE) for seq in sorted(unserved)]
        insert_requeues(session, tenant_id=TENANT, job_id=job_id, from_group_id=None, requeues=refused)
    complete_job(session, job_id=job_id)
    return job_id


def calibration_meta(*, tasks_sha256: str, pool: ServingPool) -> dict[str, Any]:
    """What a calibration job keeps about itself; `list_calibrated` looks for it."""
    return {
        "tasks_sha256": tasks_sha256,
        "strategy_file": str(pool.source.resolve()),
        "spec_hashes": [priced.strategy.spec_hash for priced in pool.strategies],
    }
