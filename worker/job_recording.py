"""A completed calibration as a recording."""

from sqlalchemy.orm import Session

from db.jobs import read_job
from db.results import TaskOutcome, TaskResult, iterate_results
from db.states import JobKind, JobState
from db.strategies import read_strategies
from worker.errors import RecordingError
from worker.objective import Objective
from worker.recording import RecordedOutcome, Recording


def record_job(session: Session, *, job_id: int) -> Recording:
    """Every outcome, by task and then by strategy; RecordingError unless the calibration is complete and sound."""
    job = read_job(session, job_id=job_id)
    if job.kind is not JobKind.CALIBRATION or job.state is not JobState.COMPLETED:
        raise RecordingError(f"job {job_id} is a {job.kind}, {job.state}: only a completed calibration can be recorded")
    stored = {row.id: row for row in read_strategies(session, strategy_ids=job.strategy_ids)}
    return Recording(
        tasks_sha256=job.meta["tasks_sha256"],
        unit=Objective.from_json(job.objective).unit,
        engines=job.meta["engines"],
        strategy_hashes={stored[key].name: stored[key].spec_hash for key in job.strategy_ids},
        outcomes=[
            _record(result, result.outcome, strategy=stored[result.arm].name)
            for result in iterate_results(session, job_id=job_id)
            if result.outcome is not None
        ],
    )


def _record(result: TaskResult, outcome: TaskOutcome, *, strategy: str) -> RecordedOutcome:
    if outcome.error_code is not None:
        raise RecordingError(
            f"{strategy} did not answer {result.custom_id} ({outcome.error_code}: {outcome.error_message}): "
            "calibrate that strategy again in a fresh database, then record"
        )
    return RecordedOutcome(
        custom_id=result.custom_id,
        strategy=strategy,
        answer=outcome.answer,
        texts=outcome.response["texts"],
        finish_reasons=outcome.response["finish_reasons"],
        prompt_tokens=outcome.prompt_tokens,
        output_tokens=outcome.output_tokens,
        cost=outcome.cost,
        correct=outcome.correct,
        requests=outcome.response.get("requests", ()),
    )
