"""Recordings: outcomes of strategies on a calibration file, as a file of their own that can be shipped and imported."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.settlements import NewOutcome
from worker.errors import RecordingError

FORMAT = 1


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

    def as_outcome(self, *, seq: int) -> NewOutcome:
        """The outcome to import for the task with this number."""
        return NewOutcome(
            seq=seq,
            answer=self.answer,
            prompt_tokens=self.prompt_tokens,
            output_tokens=self.output_tokens,
            cost=self.cost,
            response={"texts": list(self.texts), "finish_reasons": list(self.finish_reasons)},
            correct=self.correct,
        )


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording: who answered which file, and every answer."""

    tasks_sha256: str  # of the calibration file
    unit: str
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
    lines: Iterable[Mapping[str, Any]] = (header, *(vars(outcome) for outcome in recording.outcomes))
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")
    partial.replace(path)


def read_recording(path: Path) -> Recording:
    """The recording in a file; RecordingError names the line that can not be used."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: can not be read: {error}") from None
    if not lines:
        raise RecordingError(f"{path}:1: is empty; make a recording with bench/record_outcomes.py")
    header = _parse(path, 1, lines[0])
    if header.get("apportion_recording") != FORMAT:
        raise RecordingError(
            f"{path}:1: is not a recording of format {FORMAT}; make it anew with bench/record_outcomes.py"
        )
    return Recording(
        tasks_sha256=header["tasks_sha256"],
        unit=header["unit"],
        engines=header["engines"],
        strategy_hashes=header["strategies"],
        outcomes=[_read_outcome(path, number, line) for number, line in enumerate(lines[1:], start=2)],
    )


def _read_outcome(path: Path, number: int, text: str) -> RecordedOutcome:
    line = _parse(path, number, text)
    expected = set(RecordedOutcome.__dataclass_fields__)
    if set(line) != expected:
        raise RecordingError(f"{path}:{number}: an outcome has exactly the fields {', '.join(sorted(expected))}")
    return RecordedOutcome(**line)


def _parse(path: Path, number: int, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordingError(f"{path}:{number}: is not JSON: {error.msg}") from None
    if not isinstance(value, dict):
        raise RecordingError(f"{path}:{number}: is not a JSON object")
    return value
