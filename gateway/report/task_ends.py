"""How every task of a job ended, read once: its answer, its grade, its cost, or why there is none."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from sqlalchemy.orm import Session

from db.jobs import Job
from db.results import TaskResult, iterate_results
from db.states import FINAL_REASONS, RequeueReason
from gateway.report.values import TaskCounts
from worker.task_line import has_grader

KEPT_CHARACTERS = 400  # of each answer


class TaskEnds:
    """One entry a task, in the job's order."""

    def __init__(self, task_count: int) -> None:
        self.custom_ids, self.answers = [""] * task_count, [""] * task_count  # answers cut short; or why there is none
        self.paid_quanta = [0] * task_count
        self.choice = np.full(task_count, -1, dtype=np.int64)  # the column of the strategy that ran; -1 = none
        self.grade = np.full(task_count, np.nan)  # 0..1; NaN = no grade
        self.answered = np.zeros(task_count, dtype=bool)
        self.has_grader = np.zeros(task_count, dtype=bool)
        self.is_twin = np.zeros(task_count, dtype=bool)  # of an earlier task, whose answer it shares
        self.failed = 0
        self.reasons: Counter[RequeueReason | None] = Counter()

    def note(self, result: TaskResult, *, column_of: Mapping[int, int]) -> None:
        """Take in what became of one task."""
        seq, outcome = result.seq, result.outcome
        self.is_twin[seq] = result.leader is not None
        self.custom_ids[seq], self.answers[seq] = result.custom_id, describe_answer(result)[:KEPT_CHARACTERS]
        if outcome is None:
            self.reasons[result.reason] += 1
            self.has_grader[seq] = has_grader(result.payload)
            return
        self.failed += outcome.error_code is not None
        self.answered[seq] = outcome.error_code is None
        self.choice[seq], self.paid_quanta[seq] = column_of[outcome.strategy_id], outcome.cost
        # An answer without a grade waits for its judge, or could not be run here: it is no wrong one.
        self.has_grader[seq] = outcome.correct is not None or (not self.answered[seq] and has_grader(result.payload))
        if outcome.correct is not None:
            self.grade[seq] = outcome.correct

    def count(self) -> TaskCounts:
        """How many tasks ended in which way."""
        return TaskCounts(
            total=len(self.answers),
            answered=int(self.answered.sum()),
            shared=int((self.answered & self.is_twin).sum()),
            failed=self.failed,
            beyond_budget=self.reasons[RequeueReason.BUDGET_EXHAUSTED],
            not_eligible=self.reasons[RequeueReason.NOT_ELIGIBLE],
            cancelled=self.reasons[RequeueReason.CANCELLED],
            waiting=sum(count for reason, count in self.reasons.items() if reason not in FINAL_REASONS),
            graded=int(self.has_grader.sum()),
        )

    def mean_right(self) -> float | None:
        """The share of right answers over all tasks with a grader; None where there is none, or no task has ended."""
        counts = self.count()
        if not counts.graded or counts.waiting == counts.total:
            return None
        return float(np.nansum(self.grade)) / counts.graded


def read_task_ends(session: Session, *, job: Job) -> TaskEnds:
    """How the tasks of a run ended, as it stands now."""
    column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
    ends = TaskEnds(job.task_count)
    for result in iterate_results(session, job_id=job.id):
        ends.note(result, column_of=column_of)
    return ends


def describe_answer(result: TaskResult) -> str:
    """The answer, or why there is none."""
    if result.outcome is None:
        return result.reason.replace("_", " ") if result.reason else "under way"
    return result.outcome.error_message or result.outcome.answer
