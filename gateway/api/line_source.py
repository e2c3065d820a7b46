"""Requests to look at: those of an uploaded file, or lines that came with the request itself."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from db.files import read_file
from db.session import session_scope
from db.tasks import NewTask
from gateway.api.callers import Known
from gateway.api.errors import InvalidRequest, NoSuchObject
from gateway.api.front_door import FrontDoor
from gateway.joblines import ModelNames, check_line
from gateway.textlines import read_text_lines


class _Line(NamedTuple):
    """A line, or why there is no text."""

    number: int
    text: str
    problem: str | None  # of its bytes


def read_requests(
    door: FrontDoor, caller: Known, *, file_id: str | None, lines: Sequence[Mapping[str, Any]] | None
) -> list[NewTask]:
    """The tasks of the one that is given; InvalidRequest names the first line that is none, and its field."""
    if (file_id is None) == (lines is None):
        raise InvalidRequest("give exactly one of input_file_id and requests", param="input_file_id")
    if lines is not None:
        own = (_Line(number, json.dumps(line), None) for number, line in enumerate(lines, start=1))
        return _check(own, models=_name_models(door), place="requests")
    assert file_id is not None
    with session_scope(door.database) as session:
        if read_file(session, tenant_id=caller.tenant_id, file_id=file_id) is None:
            raise NoSuchObject(f"there is no file {file_id}", param="input_file_id")
    with door.files.path_of(file_id).open("rb") as stream:
        stored = (_Line(line.number, line.text, line.problem or None) for line in read_text_lines(stream))
        return _check(stored, models=_name_models(door), place=file_id)


def _check(lines: Iterable[_Line], *, models: ModelNames, place: str) -> list[NewTask]:
    tasks: list[NewTask] = []
    line_of: dict[str, int] = {}
    for line in lines:
        if line.problem:
            raise InvalidRequest(f"{place}, line {line.number}: {line.problem}", param=place)
        checked = check_line(line.text, line_number=line.number, models=models)
        if checked.task is None:
            first = checked.problems[0]
            where = [f"{place}, line {line.number}", first.field, first.text]
            raise InvalidRequest(": ".join(filter(None, where)), param=first.field or place)
        first_line = line_of.setdefault(checked.task.custom_id, line.number)
        if first_line != line.number:
            known = f'"{checked.task.custom_id}" is already the name of line {first_line}'
            raise InvalidRequest(f"{place}, line {line.number}: custom_id: {known}", param="custom_id")
        tasks.append(NewTask(custom_id=checked.task.custom_id, payload=line.text))
    if not tasks:
        raise InvalidRequest(f"{place} holds no requests", param=place)
    return tasks


def _name_models(door: FrontDoor) -> ModelNames:
    strategies = door.pool.strategies
    return ModelNames(
        strategies=frozenset(strategy.name for strategy in strategies),
        pools=frozenset(tag for strategy in strategies for tag in strategy.tags),
    )
