"""Labels as people hand them in: one JSON object for each, checked field by field."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from db.states import LabelSource
from gateway.errors import JobFileError
from gateway.jsonline import UNSTORABLE, BadFieldError, json_kind, parse_object, shown
from gateway.textlines import read_text_lines

FIELDS = ("custom_id", "correct", "source", "strategy")


@dataclass(frozen=True, kw_only=True)
class GivenLabel:
    """What a line says; the line is where it stands, counted from 1."""

    line: int
    custom_id: str
    correct: float
    source: LabelSource
    strategy: str | None  # whose answer it is about, where a task has several


class LabelProblem(NamedTuple):
    """What is wrong with a line; an empty field means the whole line."""

    line: int
    field: str
    text: str


class CheckedLabels(NamedTuple):
    """All lines, or everything that is wrong with them."""

    labels: list[GivenLabel]
    problems: list[LabelProblem]


def read_label_file(path: Path, *, source: LabelSource) -> CheckedLabels:
    """The labels of a JSONL file; `source` is whose they are where a line does not say."""
    try:
        with path.open("rb") as stream:
            lines = list(read_text_lines(stream))
    except OSError as error:
        raise JobFileError(str(path), [f"{path}: can not be read: {error.strerror}"], problem_count=1) from None
    unreadable = [LabelProblem(line.number, "", line.problem) for line in lines if line.problem]
    parsed: list[tuple[int, Mapping[str, Any]]] = []
    for line in lines:
        try:
            parsed += [] if line.problem else [(line.number, parse_object(line.text))]
        except BadFieldError as error:
            unreadable.append(LabelProblem(line.number, *error.problem))
    checked = check_labels(parsed, source=source)
    return CheckedLabels(checked.labels, sorted([*unreadable, *checked.problems]))


def check_labels(lines: Iterable[tuple[int, Mapping[str, Any]]], *, source: LabelSource) -> CheckedLabels:
    """The labels of numbered objects. The same said twice is said once; the contrary said twice is a problem."""
    labels: dict[tuple[str, str | None, LabelSource], GivenLabel] = {}
    problems: list[LabelProblem] = []
    for number, line in lines:
        try:
            label = _check(number, line, source=source)
        except BadFieldError as error:
            problems.append(LabelProblem(number, *error.problem))
            continue
        first = labels.setdefault((label.custom_id, label.strategy, label.source), label)
        if first.correct != label.correct:
            text = f"is {label.correct:g} here, and {first.correct:g} in line {first.line}; keep one of the two"
            problems.append(LabelProblem(number, "correct", text))
    return CheckedLabels(list(labels.values()), problems)


def list_problems(problems: Iterable[LabelProblem], *, place: str) -> Iterator[str]:
    """Each as a line for a person."""
    for problem in problems:
        yield f"{place}:{problem.line}: " + (f"{problem.field}: " if problem.field else "") + problem.text


def _check(number: int, line: Mapping[str, Any], *, source: LabelSource) -> GivenLabel:
    unknown = next((name for name in line if name not in FIELDS), None)
    if unknown is not None:
        raise BadFieldError(unknown, f"is not a field of a label; a line has {', '.join(FIELDS)}")
    return GivenLabel(
        line=number,
        custom_id=_check_text(line, "custom_id") or _miss("custom_id"),
        correct=_check_correct(line.get("correct")),
        source=_check_source(line.get("source", source)),
        strategy=_check_text(line, "strategy"),
    )


def _miss(field: str) -> str:
    raise BadFieldError(field, "is missing; name the task whose answer this is about")


def _check_text(line: Mapping[str, Any], field: str) -> str | None:
    value = line.get(field)
    if value is None or (isinstance(value, str) and not UNSTORABLE.search(value)):
        return value
    if isinstance(value, str):
        raise BadFieldError(field, "holds a character that can not be stored, so no task has that name")
    raise BadFieldError(field, f"is {json_kind(value)}; give a string")


def _check_correct(value: object) -> float:
    if isinstance(value, int | float) and 0 <= value <= 1:  # true and false are 1 and 0
        return float(value)
    found = "is missing" if value is None else f"is {shown(value)}"
    raise BadFieldError("correct", f"{found}; give a number from 0 (wrong) to 1 (right)")


def _check_source(value: object) -> LabelSource:
    if isinstance(value, str) and value in list(LabelSource):
        return LabelSource(value)
    raise BadFieldError("source", f"is {shown(value)}; write {', '.join(LabelSource)}")
