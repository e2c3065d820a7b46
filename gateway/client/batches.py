"""Batches as commands ask for them and follow them: a job of a server is known by its batch's id."""

import json
import threading
from pathlib import Path
from typing import Any, NamedTuple

from gateway.client.server import ApiServer
from gateway.errors import JobFileError, ServerError
from gateway.exit_codes import ExitCode
from gateway.joblines import CHAT_URL
from gateway.request import Wish
from router.units import QUANTA_PER_UNIT, Unit
from worker.objective import Request
from worker.progress import Progress, Stage, Watch

LONGEST_WINDOW = "366d"  # a job that states no deadline has as long as it takes
LOOK_SECONDS = 1.0
FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
STAGES = {"validating": Stage.PLANNING, "finalizing": Stage.FINISHING}
CODES = {
    "budget_too_small": ExitCode.BUDGET,
    "budget_unusable": ExitCode.BUDGET,
    "infeasible_target": ExitCode.BUDGET,
    "no_such_budget": ExitCode.NOT_FOUND,
    "untrained_strategies": ExitCode.UNTRAINED,
    "server_error": ExitCode.SERVER,
}

Batch = dict[str, Any]


class JudgeWish(NamedTuple):
    """Who is to read the answers that wait for a judge, and what that may cost."""

    strategy: str
    budget: str


def create_batch(
    server: ApiServer, job_file: Path, *, wish: Wish, watch: Watch, judge: JudgeWish | None = None
) -> Batch:
    """A batch of the file, which is uploaded first; the server checks and plans it after that."""
    total, endpoint = _measure(job_file), _find_endpoint(job_file)
    file_id = server.upload(
        job_file, on_read=lambda done: watch(Progress(stage=Stage.UPLOADING, done=done, total=total))
    )
    body = {
        "input_file_id": file_id,
        "endpoint": endpoint,
        "completion_window": LONGEST_WINDOW,
        "priority": wish.precedence.priority,
        "second_chances": wish.request.second_chances,
        **_state_objective(wish.request),
    }
    if wish.request.exploration is not None:
        body["exploration"] = wish.request.exploration
    if wish.request.deferral is not None:
        body["deferral"] = wish.request.deferral
    if wish.precedence.deadline is not None:
        body["deadline"] = wish.precedence.deadline.isoformat()
    if judge is not None:
        body["judge"] = judge._asdict()
    return server.post("/v1/batches", body)


def read_batch(server: ApiServer, batch_id: str) -> Batch:
    """The batch as it stands."""
    return server.get(f"/v1/batches/{batch_id}")


def follow_batch(
    server: ApiServer, batch_id: str, *, until: frozenset[str], draining: threading.Event, watch: Watch
) -> Batch:
    """The batch once its status is one of these, or as it is when nobody waits any more; failed ones raise."""
    while True:
        batch = read_batch(server, batch_id)
        watch(_describe_progress(batch))
        if batch["status"] == "failed":
            raise explain_failure(batch)
        if batch["status"] in until or draining.is_set():
            return batch
        draining.wait(LOOK_SECONDS)


def explain_failure(batch: Batch) -> Exception:
    """Why a batch failed: what is wrong with its lines, or with what was asked."""
    problems = batch["errors"]["data"]
    of_file = [problem for problem in problems if problem["line"] is not None]
    if of_file:
        lines = [f"{batch['input_file_id']}: {problem['message']}" for problem in problems]
        return JobFileError(batch["input_file_id"], lines, problem_count=len(lines))
    first = problems[0]
    return ServerError(first["message"], exit_code=CODES.get(first["code"], ExitCode.JOB_FILE))


def _describe_progress(batch: Batch) -> Progress:
    counts, spent = batch["request_counts"], batch["spent"]
    stage = STAGES.get(batch["status"], Stage.ANSWERING)
    if stage is not Stage.ANSWERING or spent is None:
        return Progress(stage=stage)
    unit = Unit(spent["unit"])
    return Progress(
        stage=stage,
        done=counts["completed"] + counts["failed"],
        total=counts["total"],
        unit=unit,
        spent=round(spent["amount"] * QUANTA_PER_UNIT[unit]),
        mix=batch["routing"]["mix"],
    )


def _state_objective(request: Request) -> dict[str, Any]:
    if request.shared_name is not None:
        return {"budget": {"name": request.shared_name}}
    if request.w is not None:
        return {"objective": {"weight": request.w}}
    if request.target_accuracy is not None:
        return {"objective": {"target_accuracy": request.target_accuracy}}
    return {"budget": request.stated}


def _measure(job_file: Path) -> int:
    try:
        return job_file.stat().st_size
    except OSError as error:
        problem = f"{job_file}: can not be read: {error.strerror}"
        raise JobFileError(str(job_file), [problem], problem_count=1) from None


def _find_endpoint(job_file: Path) -> str:
    """What the file's first line asks; the server looks at all of them."""
    try:
        with job_file.open(encoding="utf-8") as lines:
            return str(json.loads(next(lines))["url"])
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return CHAT_URL
