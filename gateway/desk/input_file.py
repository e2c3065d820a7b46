"""A batch's input file: every line checked, in little memory however long the file is."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from db.tasks import NewTask
from gateway.joblines import ModelNames, check_line
from gateway.jsonline import BadFieldError, FieldProblem, parse_object, shown
from gateway.textlines import TextLine, read_text_lines

LISTED_PROBLEMS = 20


@dataclass(frozen=True, kw_only=True)
class LineProblem:
    """What is wrong with a line; the names are those of OpenAI's errors."""

    code: str
    line: int | None
    message: str
    param: str | None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What became of the check: the first problems, in the file's order."""

    lines: int
    problems: Sequence[LineProblem]
    problem_count: int


def check_input_file(path: Path, *, endpoint: str, models: ModelNames, max_lines: int) -> Checked:
    """Everything that is wrong with a file as the input of a batch for this endpoint."""
    check = _Check(endpoint=endpoint, models=models)
    with path.open("rb") as stream:
        for line in read_text_lines(stream):
            if check.lines == max_lines:
                check.note("too_many_lines", line.number, f"a batch has at most {max_lines:,} requests; split the file")
                break
            check.look_at(line)
    if not check.lines and not check.problem_count:
        check.note("empty_file", None, "the file holds no requests; write one JSON object a line")
    check.find_doubles(path)
    return check.result()


def read_tasks(path: Path) -> Iterator[NewTask]:
    """The tasks of a file that was checked."""
    with path.open("rb") as stream:
        for line in read_text_lines(stream):
            yield NewTask(custom_id=parse_object(line.text)["custom_id"], payload=line.text)


def iterate_names(path: Path) -> Iterator[str]:
    """The name of each request of a file that was perhaps never checked, as far as it can be read."""
    with path.open("rb") as stream:
        for line in read_text_lines(stream):
            name = None if line.problem else _read_name(line.text)
            if name is not None:
                yield name


def _read_name(text: str) -> str | None:
    try:
        name = parse_object(text).get("custom_id")
    except BadFieldError:
        return None
    return name if isinstance(name, str) else None


class _Check:
    """What one pass over a file has seen."""

    def __init__(self, *, endpoint: str, models: ModelNames) -> None:
        self.lines = 0
        self.problem_count = 0
        self._endpoint, self._models = endpoint, models
        self._problems: list[LineProblem] = []
        # Of the names only these eight bytes are kept: a million names would take a hundred megabytes.
        self._hashes, self._numbers = array("q"), array("q")

    def look_at(self, line: TextLine) -> None:
        """Check it by itself, and remember its name."""
        self.lines += 1
        if line.problem:
            self.note("invalid_line", line.number, line.problem)
            return
        checked = check_line(line.text, line_number=line.number, models=self._models)
        for problem in checked.problems:
            self._note_field(line.number, problem)
        if checked.url is not None and checked.url != self._endpoint:
            text = f"is {checked.url}, the batch is for {self._endpoint}"
            self._note_field(line.number, FieldProblem("url", text), code="mismatched_endpoint")
        if checked.custom_id is not None:
            self._hashes.append(hash(checked.custom_id))
            self._numbers.append(line.number)

    def find_doubles(self, path: Path) -> None:
        """Note every name that an earlier line has; the file is read again only where there may be some."""
        hashes, numbers = np.frombuffer(self._hashes, np.int64), np.frombuffer(self._numbers, np.int64)
        _, place, count = np.unique(hashes, return_inverse=True, return_counts=True)
        suspects = set(numbers[count[place] > 1].tolist())
        if not suspects:
            return
        first_line: dict[str, int] = {}
        with path.open("rb") as stream:
            for line in read_text_lines(stream):
                if line.number not in suspects:
                    continue
                name = check_line(line.text, line_number=line.number, models=self._models).custom_id or ""
                first = first_line.setdefault(name, line.number)
                if first != line.number:
                    text = f"{shown(name)} is already the name of line {first}; give each line its own"
                    self._note_field(line.number, FieldProblem("custom_id", text), code="duplicate_custom_id")

    def note(self, code: str, line: int | None, message: str, *, param: str | None = None) -> None:
        """Keep it, if it is among the first."""
        self.problem_count += 1
        if len(self._problems) < 2 * LISTED_PROBLEMS:
            self._problems.append(LineProblem(code=code, line=line, message=message, param=param))

    def result(self) -> Checked:
        """What was found."""
        ordered = sorted(self._problems, key=lambda problem: problem.line or 0)
        return Checked(lines=self.lines, problems=ordered[:LISTED_PROBLEMS], problem_count=self.problem_count)

    def _note_field(self, line: int, problem: FieldProblem, *, code: str = "invalid_request") -> None:
        if not problem.field:
            self.note("invalid_json_line", line, f"line {line}: {problem.text}")
            return
        self.note(code, line, f"line {line}: {problem.field}: {problem.text}", param=problem.field)
