"""`apportion feedback`: labels of a file, stored with the answers that they are about."""

from pathlib import Path

from rich.console import Console

from db.states import LabelSource
from gateway.commands.strategy_life import name_person
from gateway.errors import JobFileError, UsageError
from gateway.exit_codes import ExitCode
from gateway.feedback import LabelsRefused, store_feedback
from gateway.json_option import tell
from gateway.label_lines import GivenLabel, LabelProblem, list_problems, read_label_file
from worker.bootstrap import read_known_job
from worker.database import open_database
from worker.settings import read_settings

LISTED_PROBLEMS = 20


def give_feedback(console: Console, *, job_id: int, label_file: Path, source: str, as_json: bool) -> ExitCode:
    """All labels of the file are stored, or none."""
    labels = read_labels(label_file, source=source)
    with open_database(read_settings()) as database:
        job = read_known_job(database, job_id=job_id)
        try:
            stored = store_feedback(
                database, tenant_id=job.tenant_id, job_id=job_id, labels=labels, given_by=name_person()
            )
        except LabelsRefused as refused:
            raise _refuse(label_file, refused.problems) from None
    words = f"job {job_id}: {say_stored(**stored._asdict())}"
    tell(console, words, {"job": job_id, **stored._asdict()}, as_json=as_json)
    return ExitCode.DONE


def read_labels(label_file: Path, *, source: str) -> list[GivenLabel]:
    """The file's labels; JobFileError lists everything that is wrong with it."""
    if source not in list(LabelSource):
        raise UsageError(f"--source is {source!r}: write {', '.join(LabelSource)}")
    checked = read_label_file(label_file, source=LabelSource(source))
    if checked.problems:
        raise _refuse(label_file, checked.problems)
    if not checked.labels:
        raise JobFileError(str(label_file), [f"{label_file}: holds no labels"], problem_count=1)
    return checked.labels


def say_stored(*, labels: int, new: int) -> str:
    """How many of the labels say something new."""
    known = "" if new == labels else f"; {labels - new:,} were known already"
    return f"{new:,} label{'' if new == 1 else 's'} stored{known}"


def _refuse(path: Path, problems: list[LabelProblem]) -> JobFileError:
    lines = list(list_problems(problems[:LISTED_PROBLEMS], place=str(path)))
    return JobFileError(str(path), lines, problem_count=len(problems))
