"""Decoding methods of other packages, found by entry point."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from router.decoding.one_request import OneRequest
from router.decoding.protocol import DecodingMethod
from router.decoding.registry import Reader
from router.decoding.sampling import MOST_SAMPLES
from router.errors import FieldError
from router.fields import MOST_TOKENS, Fields
from router.generation import Capability
from router.strategy import list_settings

GROUP = "apportion.decoding_methods"
MEMBERS = ("name", "description", "needs", "stages", "ask", "max_output_tokens")


class InstalledMethods(Mapping[str, Reader]):
    """The readers that installed packages declare; a package is imported when a strategy names its method."""

    def __getitem__(self, name: str) -> Reader:
        return partial(_read, self._found[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> Mapping[str, list[EntryPoint]]:
        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=GROUP):
            found.setdefault(entry.name, []).append(entry)
        return found


def _read(entries: list[EntryPoint], settings: Fields) -> DecodingMethod:
    """The method in these settings; FieldError names the entry point whose code can not be used."""
    if len(entries) > 1:
        raise settings.error(
            "method", f"several packages bring it: {'; '.join(sorted(map(_describe, entries)))}: keep one"
        )
    [entry] = entries
    try:
        method: DecodingMethod = entry.load()(settings)
    except FieldError:
        raise  # a setting, whose place it names
    except Exception as error:  # anybody's code
        reason = f"{_describe(entry)} can not be used: {type(error).__name__}: {error}"
        raise settings.error("method", reason) from error
    for fault in _find_faults(method, name=entry.name):
        raise settings.error("method", f"{_describe(entry)} can not be used: {fault}")
    return method


def _describe(entry: EntryPoint) -> str:
    owner = "" if entry.dist is None else f" of {entry.dist.name} {entry.dist.version}"
    return f"the entry point {entry.name} = {entry.value}{owner} (group {GROUP})"


def _find_faults(method: Any, *, name: str) -> Iterator[str]:
    """What would keep the method from serving, or make two strategies look alike that are not."""
    kind = type(method)
    if missing := [member for member in MEMBERS if not hasattr(method, member)]:
        yield f"what it returned, {kind.__name__}, has no {', '.join(missing)}"
    if not is_dataclass(method) or not kind.__dataclass_params__.frozen:
        yield f"{kind.__name__} is no frozen dataclass, so that its settings can not be told apart"
    if method.name != name:
        yield f"its method is called {method.name!r}"
    if not isinstance(method.needs, frozenset) or not all(isinstance(need, Capability) for need in method.needs):
        yield f"its needs are no frozenset of capabilities: {method.needs!r}"
    if isinstance(method, OneRequest) and (kind.ask, kind.stages) != (OneRequest.ask, OneRequest.stages):
        yield "a OneRequest that has its own ask or stages: derive it from nothing instead"
    if method.max_output_tokens() > (most := MOST_SAMPLES * MOST_TOKENS):
        yield f"it may write {method.max_output_tokens()} tokens for one task, of {most} at most"
    try:
        json.dumps(list_settings(method))
    except TypeError as error:
        yield f"its settings are not plain values: {error}"
