"""The tests' process: runs each test against stand-ins for what the answer defines, and says which ones pass.

The verdict is written to a descriptor that the answer's process does not have, by a process that it can not end.
"""

import builtins
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from worker.sandbox.inside.peer import Peer
from worker.sandbox.inside.remote import Remote
from worker.sandbox.inside.wire import WireError

READY, PASSED, FAILED = b".", b"1", b"0"


class Referee:
    """One answer's process as its tests see it."""

    def __init__(self, *, requests: int, replies: int, in_place: bool) -> None:
        self.is_broken = False  # the answer's process ended, or said what means nothing
        self._in_place = in_place
        self._exceptions: dict[str, type[BaseException]] = {}
        self._functions: dict[int, Callable[..., Any]] = {}
        self._numbers = itertools.count()
        self._peer = Peer(
            read=os.fdopen(replies, "rb"),
            write=os.fdopen(requests, "wb"),
            lend=self._lend,
            borrow=self._borrow,
            answer=self._answer,
            describe=lambda error: [type(error).__name__],
            revive=self._revive,
        )

    def load(self, setup: str, program: str) -> dict[str, Any]:
        """What the program defines, by name, and a way to run it; a builtin's name stays the builtin's."""
        names: dict[str, Any] = {}
        with suppress(Exception):  # it does not load, or wants to read: what it defines is missing then
            for name, value in self.ask("load", setup, program):
                if isinstance(name, str) and not name.startswith("__") and not hasattr(builtins, name):
                    names[name] = self._own_exception(name, value)
        return {**names, "run_program": lambda given="": self.ask("run", given)}

    def ask(self, *request: Any) -> Any:
        """What the answer's process says."""
        try:
            return self._peer.ask(*request)
        except WireError:
            self.is_broken = True
            raise

    def call(self, function: Remote, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What a function of the answer's returns; it works on copies, whose changes count with `in_place` only."""
        if not self._in_place:
            return self.ask("call", function, arguments, named)
        result, changed, changed_named = self.ask("call in place", function, arguments, named)
        for given, after in zip(arguments, changed, strict=True):
            _change(given, after)
        for name, given in named.items():
            _change(given, changed_named[name])
        return result

    def _own_exception(self, name: str, value: Any) -> Any:
        """An exception of the program's as a class that a test can catch; any other value as it is."""
        if isinstance(value, dict) and value.keys() == {"raises"}:
            return self._exceptions.setdefault(name, type(name, (_find_exception(value["raises"]),), {}))
        return value

    def _lend(self, value: object) -> dict[str, Any]:
        if isinstance(value, Remote):
            return {"object": value.number}
        if not callable(value):
            raise TypeError(f"a {type(value).__name__} of the test can not be given to the answer: define it in setup")
        number = next(self._numbers)
        self._functions[number] = value
        return {"function": number}

    def _borrow(self, content: dict[str, Any]) -> object:
        ((kind, number),) = content.items()
        if kind != "object" or not isinstance(number, int):
            raise WireError("stands for nothing")
        return Remote(self, number)

    def _answer(self, request: list[Any]) -> Any:
        number, arguments, named = request
        return self._functions[number](*arguments, **named)

    def _revive(self, content: list[Any]) -> BaseException:
        own, builtin, text = content
        kind = self._exceptions.get(own) or _find_exception(builtin)
        try:
            return kind(text)
        except TypeError:  # one that wants more than a text
            return RuntimeError(text)


def _find_exception(name: object) -> type[Exception]:
    kind = getattr(builtins, name, None) if isinstance(name, str) else None
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else RuntimeError


def _change(given: Any, after: Any) -> None:
    """Make a list, set or dict of the test's what the answer has made of its copy."""
    if isinstance(given, list):
        given[:] = after
    elif isinstance(given, set | dict):
        given.clear()
        given.update(after)


def passes(test: str, names: Mapping[str, Any], referee: Referee) -> bool:
    """Whether a test ends without an exception; each has names of its own."""
    try:
        exec(compile(test, "test", "exec"), {**names, "__name__": "test"})  # noqa: S102  # whose tests these are, knows it
    except BaseException:
        return False
    return not referee.is_broken  # a test may take whatever is raised for an error that it wants


def main() -> None:
    """Run the tests of the request on standard input, and write one sign for each."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))  # a process that is first in its namespace has no default
    request = json.load(sys.stdin)
    verdict = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a test prints is no verdict
    signal.alarm(request["wall_seconds"])
    sys.set_int_max_str_digits(0)  # a factorial may be an answer; the time that it takes is limited
    referee = Referee(requests=3, replies=4, in_place=request["in_place"])
    referee.ask("len", [])  # before the program is loaded: if this fails, it is not the program's fault
    os.write(verdict, READY)
    names = referee.load(request["setup"], request["program"])
    for test in request["tests"]:
        os.write(verdict, PASSED if passes(test, names, referee) else FAILED)
