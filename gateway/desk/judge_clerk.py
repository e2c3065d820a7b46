"""The judge's part of a batch: between its last answer and its files, a strategy reads what no program can grade."""

from db.batches import Batch
from db.jobs import Job
from db.states import FINAL_STATES
from gateway.batch_asked import Asked
from gateway.judge_budget import settle_judge_budget
from router.units import parse_budget
from worker.bootstrap import Workshop
from worker.errors import JobNotDriveable
from worker.job_control import cancel
from worker.judging import Judging
from worker.producer import ring_once
from worker.queues import ROUTER


class JudgeClerk:
    """Asks for verdicts, and reads them; the answering is that of every other job."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def bring_on(self, batch: Batch, job: Job) -> bool:
        """Whether nothing of a completed job is left to be judged."""
        judging = self._open(batch, job)
        if judging is None:
            return True
        if not judging.read_ended():
            return False
        has_begun = judging.begin()
        if has_begun and self._workshop.settings.has_workers:
            ring_once(self._workshop.settings, ROUTER)
        return not has_begun

    def stop(self, batch: Batch, job: Job) -> bool:
        """Whether no judge is at work any more; what was said until then is read."""
        judging = self._open(batch, job)
        return judging is None or (all(map(self._cancel, judging.list_unread())) and judging.read_ended())

    def _open(self, batch: Batch, job: Job) -> Judging | None:
        asked = Asked.from_json(batch.asked)
        if asked.judge is None or asked.judge_budget is None:
            return None
        own = self._workshop.keep([self._workshop.pool.names.index(asked.judge)])
        budget = settle_judge_budget(parse_budget(asked.judge_budget), job=job, judge=own.pool)
        return Judging(own, job=job, budget=budget)

    def _cancel(self, judging: Job) -> bool:
        """Whether the judging job is at its end."""
        if judging.state in FINAL_STATES:
            return True
        try:
            return cancel(self._workshop.database, job_id=judging.id, patience_seconds=0.0)
        except JobNotDriveable:  # it has completed since
            return True
