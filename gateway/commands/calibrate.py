"""`apportion calibrate`: every strategy answers a graded file, or its recorded answers are taken in."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from db.session import run_in_transaction, session_scope
from db.tasks import NewTask
from gateway.commands.announcement import announce_job
from gateway.commands.finish_job import tell_drained
from gateway.commands.run import read_tasks_of
from gateway.commands.working import Working, working
from gateway.exit_codes import ExitCode
from gateway.graded_tasks import require_graders, require_sandbox
from gateway.json_option import choose_progress_console, tell
from worker.bootstrap import Workshop, open_workshop
from worker.calibration import CalibrationPlan, calibration_meta, plan_calibration, submit_recorded
from worker.pool import read_strategy_file
from worker.progress import Progress, Stage
from worker.recording import Recording, hash_task_file, read_recording
from worker.runs import RunEnd, calibrate
from worker.settings import read_settings


def calibrate_strategies(
    console: Console, *, task_file: Path, strategy_file: Path, recording_file: Path | None, as_json: bool
) -> ExitCode:
    """Only what this database does not know yet is taken from the recording, and only the rest is run."""
    tasks = read_tasks_of(task_file, pool=read_strategy_file(strategy_file))
    require_graders(task_file, tasks)
    recording = None if recording_file is None else read_recording(recording_file)
    settings = read_settings()
    if recording is None and not settings.has_workers:  # those grade elsewhere
        require_sandbox(task_file, tasks)
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        digest = hash_task_file(task_file)
        with session_scope(workshop.database) as session:
            plan = plan_calibration(session, pool=workshop.pool, tasks_sha256=digest, recording=recording)
        if plan.recorded and recording is not None:
            work.view.show(Progress(stage=Stage.RECORDING))
            _take_in(workshop, plan, tasks=tasks, digest=digest, recording=recording)
        end = _run_rest(workshop, work, plan, tasks=tasks, digest=digest) if plan.to_run else None
    if end is not None and not end.completed:
        return tell_drained(console, settings, job_id=end.job_id, as_json=as_json)
    counts = {"known already": len(plan.done), "from the recording": len(plan.recorded), "run": len(plan.to_run)}
    how = ", ".join(f"{count} {words}" for words, count in counts.items() if count)
    words = f"calibrated on {len(tasks):,} tasks: {how}; `apportion train` learns from them"
    tell(console, words, {"tasks": len(tasks), **_describe(plan, names=workshop.pool.names)}, as_json=as_json)
    return ExitCode.DONE


def _describe(plan: CalibrationPlan, *, names: Sequence[str]) -> dict[str, list[str]]:
    """The strategies by where their answers came from."""
    positions = {"known": plan.done, "recorded": plan.recorded, "run": plan.to_run}
    return {how: [names[position] for position in those] for how, those in positions.items()}


def _take_in(
    workshop: Workshop, plan: CalibrationPlan, *, tasks: list[NewTask], digest: str, recording: Recording
) -> None:
    run_in_transaction(
        workshop.database,
        lambda session: submit_recorded(
            session,
            tasks=tasks,
            tasks_sha256=digest,
            pool=workshop.pool.keep(plan.recorded),
            strategy_ids=[workshop.strategy_ids[position] for position in plan.recorded],
            recording=recording,
        ),
    )


def _run_rest(workshop: Workshop, work: Working, plan: CalibrationPlan, *, tasks: list[NewTask], digest: str) -> RunEnd:
    rest = workshop.keep(plan.to_run)
    return calibrate(
        rest,
        tasks=tasks,
        meta=calibration_meta(tasks_sha256=digest, pool=rest.pool),
        draining=work.draining,
        on_submitted=lambda job_id: announce_job(
            work, workshop.settings, workshop.database, job_id=job_id, what=f"calibration {job_id}"
        ),
    )
