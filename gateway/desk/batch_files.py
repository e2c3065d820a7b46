"""The two files of a batch, written from what the database holds in one pass over its tasks."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from db.batches import Batch
from db.jobs import Job, read_job
from db.predictions import iterate_prediction_blocks
from db.results import TaskResult, iterate_results
from db.states import BatchStatus, RequeueReason
from db.strategies import read_strategies
from gateway.batch_figures import Answered
from gateway.desk.input_file import iterate_names
from gateway.file_store import FileStore, NewContent, derive_file_id
from gateway.job_files import ERROR_CODES, describe_answered, describe_unanswered, list_asked_again
from gateway.output_files import UnansweredTask, error_line, result_line

EXPIRED = ("batch_expired", "this request was not begun before the batch's time was over")
CANCELLED = ("batch_cancelled", "the batch was cancelled before this request was begun")


class WrittenFile(NamedTuple):
    """A file in its place."""

    id: str
    name: str
    size_bytes: int
    sha256: str


class WrittenErrors(NamedTuple):
    """What was written of a batch without a job, and for how many requests."""

    errors: WrittenFile | None
    requests: int


class WrittenBatch(NamedTuple):
    """What was written; a file without a line is none."""

    output: WrittenFile | None
    errors: WrittenFile | None
    answered: Answered


def write_batch_files(session: Session, files: FileStore, *, batch: Batch, to: BatchStatus) -> WrittenBatch:
    """The files of a batch whose job is at its end; written again, they take the place of themselves."""
    assert batch.job_id is not None
    job = read_job(session, job_id=batch.job_id)
    cut_off = _name_end(to)
    with ExitStack() as opened:
        output, errors = (_LazyFile(files, opened, batch_id=batch.id, name=name) for name in ("output", "error"))
        lines = _Lines(
            session, job=job, endpoint=batch.endpoint, codes={**ERROR_CODES, RequeueReason.CANCELLED: cut_off}
        )
        for result in iterate_results(session, job_id=job.id):
            is_answered, line = lines.write(result)
            (output if is_answered else errors).write(line)
    return WrittenBatch(output.written(), errors.written(), lines.count(session))


def write_unplanned(files: FileStore, *, batch: Batch, to: BatchStatus) -> WrittenErrors:
    """The error file of a batch that ended before it became a job, from its input file where that is still there."""
    code, message = _name_end(to)
    path, requests = files.path_of(batch.input_file_id), 0
    with ExitStack() as opened:
        errors = _LazyFile(files, opened, batch_id=batch.id, name="error")
        for seq, name in enumerate(iterate_names(path) if path.exists() else ()):
            task = UnansweredTask(seq=seq, custom_id=name, code=code, message=message)
            errors.write(_encode(error_line(batch.id, task)))
            requests += 1
    return WrittenErrors(errors.written(), requests)


class _LazyFile:
    """A file that is begun with its first line."""

    def __init__(self, files: FileStore, opened: ExitStack, *, batch_id: str, name: str) -> None:
        self._files, self._opened = files, opened
        self._id, self._name = derive_file_id(batch_id, name), f"{batch_id}_{name}.jsonl"
        self._content: NewContent | None = None

    def write(self, line: bytes) -> None:
        """One line more."""
        if self._content is None:
            self._content = self._opened.enter_context(self._files.writing(self._id))
        self._content.write(line)

    def written(self) -> WrittenFile | None:
        """What there is now."""
        content = self._content
        return None if content is None else WrittenFile(self._id, self._name, content.size_bytes, content.sha256)


class _Lines:
    """Results as lines, and what they add up to."""

    def __init__(
        self, session: Session, *, job: Job, endpoint: str, codes: Mapping[RequeueReason | None, tuple[str, str]]
    ) -> None:
        self._job, self._endpoint, self._codes = job, endpoint, codes
        self._names = {row.id: row.name for row in read_strategies(session, strategy_ids=job.strategy_ids)}
        self._column_of = {strategy_id: column for column, strategy_id in enumerate(job.strategy_ids)}
        self._asked_again = list_asked_again(session, job=job, names=self._names)
        self._answered_at: datetime = job.finished_at or job.submitted_at
        self._choice = np.full(job.task_count, -1, dtype=np.int16)  # (tasks,) column of the strategy that answered
        self._input_tokens = self._output_tokens = self._labelled = 0
        self._correct = 0.0

    def write(self, result: TaskResult) -> tuple[bool, bytes]:
        """Whether the task has an answer, and its line."""
        outcome = result.outcome
        if outcome is None or outcome.error_code is not None:
            return False, _encode(error_line(self._job.id, describe_unanswered(result, codes=self._codes)))
        self._choice[result.seq] = self._column_of[outcome.strategy_id]
        self._input_tokens += outcome.prompt_tokens
        self._output_tokens += outcome.output_tokens
        if outcome.correct is not None:
            self._labelled += 1
            self._correct += outcome.correct
        task = describe_answered(
            result,
            url=self._endpoint,
            names=self._names,
            answered_at=self._answered_at,
            asked_again=self._asked_again.get(result.seq),
        )
        return True, _encode(result_line(self._job.id, task))

    def count(self, session: Session) -> Answered:
        """Over everything that was written; a task without an answer counts as not right."""
        predicted = 0.0
        for block in iterate_prediction_blocks(session, job_id=self._job.id):
            choice = self._choice[block.lo : block.hi]
            rows = np.flatnonzero(choice >= 0)
            predicted += float(np.nansum(block.predictions.accuracy[rows, choice[rows]], dtype=np.float64))
        return Answered(
            predicted_accuracy=predicted / max(1, self._job.task_count),
            observed_accuracy=self._correct / self._labelled if self._labelled else None,
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
        )


def _encode(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def _name_end(to: BatchStatus) -> tuple[str, str]:
    """Why requests were not begun, where that is the batch's end."""
    return EXPIRED if to is BatchStatus.EXPIRED else CANCELLED
