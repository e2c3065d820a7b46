"""A job file, one task at a time, with everything that is wrong with it named by file and line."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gateway.errors import JobFileError
from gateway.joblines import JobTask, ModelNames, check_line
from gateway.jsonline import FieldProblem
from gateway.textlines import MAX_LINE_BYTES, read_text_lines

LISTED_PROBLEMS = 20


def read_job_file(path: Path, *, models: ModelNames, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[JobTask]:
    """The tasks of a JSONL file in the OpenAI batch format, in file order, from one pass over it.

    The whole file is always checked: once a problem is found no further task is given, and the problems are raised
    together at the end as a JobFileError. So store the tasks in the transaction that reads them.
    """
    reading = _Reading(path=path, models=models)
    with _open_job_file(path) as stream:
        for line in read_text_lines(stream, max_line_bytes=max_line_bytes):
            if line.problem:
                reading.note(line.number, FieldProblem("", line.problem))
                continue
            task = reading.check(line.number, line.text)
            if task is not None and not reading.problem_count:
                yield task
    reading.close()


def _open_job_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        problem = f"{path}: no such file; check the name"
    except IsADirectoryError:
        problem = f"{path}: is a folder; name the .jsonl file in it"
    except OSError as error:
        problem = f"{path}: can not be read: {error.strerror}"
    raise JobFileError(str(path), [problem], problem_count=1)


class _Reading:
    """What one pass over a job file has seen: the names given so far and the problems found."""

    def __init__(self, *, path: Path, models: ModelNames) -> None:
        self.path = path
        self.models = models
        self.problems: list[str] = []
        self.problem_count = 0
        self._line_of_custom_id: dict[str, int] = {}
        self._first_url: tuple[str, int] | None = None

    def check(self, line_number: int, text: str) -> JobTask | None:
        checked = check_line(text, line_number=line_number, models=self.models)
        for problem in checked.problems:
            self.note(line_number, problem)
        self._check_custom_id_is_new(checked.custom_id, line_number)
        self._check_url_is_the_same(checked.url, line_number)
        return checked.task

    def _check_custom_id_is_new(self, custom_id: str | None, line_number: int) -> None:
        if custom_id is None:
            return
        first_line = self._line_of_custom_id.setdefault(custom_id, line_number)
        if first_line != line_number:
            text = f'"{custom_id}" is already the name of line {first_line}; give each line its own'
            self.note(line_number, FieldProblem("custom_id", text))

    def _check_url_is_the_same(self, url: str | None, line_number: int) -> None:
        if url is None:
            return
        first_url, first_line = self._first_url = self._first_url or (url, line_number)
        if url != first_url:
            text = f"is {url}, line {first_line} has {first_url}; a file holds requests for one endpoint"
            self.note(line_number, FieldProblem("url", text))

    def note(self, line_number: int, problem: FieldProblem) -> None:
        self.problem_count += 1
        if len(self.problems) < LISTED_PROBLEMS:
            place = f"{self.path}:{line_number}: " + (f"{problem.field}: " if problem.field else "")
            self.problems.append(place + problem.text)

    def close(self) -> None:
        if not self._line_of_custom_id and not self.problem_count:
            self.problem_count = 1
            self.problems.append(f"{self.path}: holds no tasks; write one JSON object per line")
        if self.problem_count:
            raise JobFileError(str(self.path), self.problems, problem_count=self.problem_count)
