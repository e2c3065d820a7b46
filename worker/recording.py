"""Recordings: outcomes of strategies on a calibration file, as a file of their own that can be shipped and imported.

The first line says who answered what; each further line is one outcome. A line's `texts`, what the model wrote, is
left out where the answer is all of it, and `requests`, what each request used, where there was only one.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.outcome_rows import NewOutcome, RequestUsage
from router.units import Unit
from worker.errors import RecordingError

FORMAT = 1
REMEDY = "make the recording anew with bench/record_outcomes.py"


@dataclass(frozen=True, kw_only=True)
class RecordedOutcome:
    """What one strategy did with one calibration task."""

    custom_id: str
    strategy: str
    answer: str
    texts: Sequence[str]
    finish_reasons: Sequence[str]
    prompt_tokens: int
    output_tokens: int
    cost: int  # quanta of the recording's unit
    correct: float | None
    requests: Sequence[Mapping[str, int]] = ()  # where there were several

    def as_outcome(self, *, seq: int) -> NewOutcome:
        """The outcome to import for the task with this number."""
        return NewOutcome(
            seq=seq,
            answer=self.answer,
            prompt_tokens=self.prompt_tokens,
            output_tokens=self.output_tokens,
            cost=self.cost,
            texts=self.texts,
            finish_reasons=self.finish_reasons,
            correct=self.correct,
            requests=[RequestUsage(**use) for use in self.requests],
        )


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording: who answered which file, and every answer."""

    tasks_sha256: str  # of the calibration file
    unit: Unit
    engines: Mapping[str, Mapping[str, str]]  # identity by engine name
    strategy_hashes: Mapping[str, str]  # spec hash by strategy name
    outcomes: Sequence[RecordedOutcome]


def hash_task_file(path: Path) -> str:
    """What ties a recording to the very tasks it was made on."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_recording(recording: Recording, path: Path) -> None:
    """Write a header line and one line for each outcome; the file is there whole or not at all."""
    header = {
        "apportion_recording": FORMAT,
        "tasks_sha256": recording.tasks_sha256,
        "unit": recording.unit,
        "engines": recording.engines,
        "strategies": recording.strategy_hashes,
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.writelines(map(_dump, (header, *map(_shorten, recording.outcomes))))
        partial.replace(path)
    except OSError as error:
        raise RecordingError(f"{path}: can not be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def read_recording(path: Path) -> Recording:
    """The recording in a file; RecordingError names the line that can not be used."""
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: can not be read: {error}; {REMEDY}") from None
    header = _read_header(f"{path}:1", lines[0])
    outcomes = list(_read_outcomes(path, lines[1:], strategies=header["strategies"]))
    return Recording(
        tasks_sha256=header["tasks_sha256"],
        unit=Unit(header["unit"]),
        engines=header["engines"],
        strategy_hashes=header["strategies"],
        outcomes=outcomes,
    )


def _shorten(outcome: RecordedOutcome) -> dict[str, Any]:
    line = dict(vars(outcome))
    if list(outcome.texts) == [outcome.answer]:
        del line["texts"]
    if not outcome.requests:
        del line["requests"]
    return line


def _dump(line: Mapping[str, Any]) -> str:
    return f"{json.dumps(line, ensure_ascii=False, separators=(',', ':'))}\n"


def _read_header(place: str, text: str) -> dict[str, Any]:
    header = _parse(place, text)
    if header.get("apportion_recording") != FORMAT:
        raise RecordingError(f"{place}: is not the first line of a recording of format {FORMAT}; {REMEDY}")
    _check_fields(place, header, _HEADER_FIELDS)
    return header


def _read_outcomes(path: Path, lines: Iterable[str], *, strategies: Mapping[str, str]) -> Iterator[RecordedOutcome]:
    place_of: dict[tuple[str, str], int] = {}
    for number, text in enumerate(lines, start=2):
        place = f"{path}:{number}"
        line = _parse(place, text)
        line.setdefault("texts", [line.get("answer")])
        line.setdefault("requests", ())
        _check_fields(place, line, _OUTCOME_FIELDS)
        outcome = RecordedOutcome(**line)
        if outcome.strategy not in strategies:
            raise RecordingError(f"{place}: strategy: {outcome.strategy} is not in the first line; {REMEDY}")
        first = place_of.setdefault((outcome.custom_id, outcome.strategy), number)
        if first != number:
            raise RecordingError(f"{place}: line {first} has this task and strategy already; {REMEDY}")
        yield outcome


def _parse(place: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise RecordingError(f"{place}: is not JSON ({error}); {REMEDY}") from None
    if not isinstance(value, dict):
        raise RecordingError(f"{place}: is not a JSON object; {REMEDY}")
    return value


Check = Callable[[Any], bool]


def _check_fields(place: str, line: Mapping[str, Any], checks: Mapping[str, tuple[Check, str]]) -> None:
    if line.keys() != checks.keys():
        odd = ", ".join(sorted(line.keys() ^ checks.keys()))
        raise RecordingError(f"{place}: fields that are missing or not known: {odd}; {REMEDY}")
    for field, (is_valid, what) in checks.items():
        if not is_valid(line[field]):
            raise RecordingError(f"{place}: {field}: is not {what}; {REMEDY}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_text_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_usage(value: object) -> bool:
    """Whether this is what each of several requests used."""
    return isinstance(value, list | tuple) and all(
        isinstance(use, dict) and use.keys() == set(RequestUsage._fields) and all(map(_is_count, use.values()))
        for use in value
    )


def _is_grade(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1)


_HEADER_FIELDS: Mapping[str, tuple[Check, str]] = {
    "apportion_recording": (_is_count, "a number"),
    "tasks_sha256": (_is_text, "text"),
    "unit": (lambda value: value in list(Unit), f"one of {', '.join(Unit)}"),
    "engines": (
        lambda value: isinstance(value, dict) and all(map(_is_text_by_name, value.values())),
        "an identity of each engine",
    ),
    "strategies": (_is_text_by_name, "a hash of each strategy"),
}

_OUTCOME_FIELDS: Mapping[str, tuple[Check, str]] = {
    "custom_id": (_is_text, "text"),
    "strategy": (_is_text, "text"),
    "answer": (_is_text, "text"),
    "texts": (_is_texts, "a list of texts"),
    "finish_reasons": (_is_texts, "a list of texts"),
    "prompt_tokens": (_is_count, "a whole number of at least 0"),
    "output_tokens": (_is_count, "a whole number of at least 0"),
    "cost": (_is_count, "a whole number of at least 0"),
    "correct": (_is_grade, "null or a number from 0 to 1"),
    "requests": (_is_usage, "a list of what each request used"),
}
