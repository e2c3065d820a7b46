"""The answer's process: loads the program, and does what the referee asks of what it defined.

Nothing here is trusted once the program runs. It knows no test, and no expected result: it is only ever asked.
"""

import builtins
import contextlib
import io
import itertools
import operator
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from worker.sandbox.inside.peer import Peer

OPERATIONS: dict[str, Callable[..., Any]] = {
    "getattr": getattr,
    "setattr": setattr,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "isinstance": isinstance,
    **{function.__name__: function for function in (len, iter, next, str, repr, bool, hash)},
    **{name: getattr(operator, name) for name in ("eq", "lt", "le", "gt", "ge", "add", "sub", "mul")},
}


class Player:
    """The program's module, and everything that the referee holds a stand-in for."""

    def __init__(self, *, requests: int, replies: int) -> None:
        self._module = types.ModuleType("answer")
        self._setup, self._program = "", ""
        self._lent: dict[int, object] = {}
        self._numbers = itertools.count()
        self._peer = Peer(
            read=os.fdopen(requests, "rb"),
            write=os.fdopen(replies, "wb"),
            lend=self._lend,
            borrow=self._borrow,
            answer=self._answer,
            describe=describe_error,
            revive=lambda content: RuntimeError(content[-1]),
        )

    def serve(self) -> None:
        """Do what the referee asks until it is gone."""
        self._peer.serve()

    def _answer(self, request: list[Any]) -> Any:
        operation, *operands = request
        match operation:
            case "load":
                return self._load(*operands)
            case "run":
                return self._run(*operands)
            case "call":
                function, arguments, named = operands
                return function(*arguments, **named)
            case "call in place":
                function, arguments, named = operands
                return function(*arguments, **named), arguments, named
        return OPERATIONS[operation](*operands)

    def _load(self, setup: str, program: str) -> list[tuple[str, Any]]:
        """What the program defines: each name with the object, or with the builtin that an exception derives from."""
        self._setup, self._program = setup, program
        sys.modules["answer"] = self._module
        self._execute(self._module.__dict__)
        return [
            (name, {"raises": find_builtin(value)} if is_exception(value) else value)
            for name, value in vars(self._module).items()
            if not name.startswith("__")
        ]

    def _run(self, given: str) -> str:
        """What the program prints when it is started as a script and reads this."""
        printed = io.StringIO()
        sys.stdin, own = io.StringIO(given), sys.stdin
        try:
            with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
                self._execute({"__name__": "__main__"})
        finally:
            sys.stdin = own
        return printed.getvalue()

    def _execute(self, names: dict[str, Any]) -> None:
        for text, name in ((self._setup, "setup"), (self._program, "answer")):
            exec(compile(text, name, "exec"), names)  # noqa: S102  # this is what the sandbox is for

    def _lend(self, value: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._lent[number] = value
        return {"object": number}

    def _borrow(self, content: dict[str, Any]) -> object:
        ((kind, number),) = content.items()
        if kind == "object":
            return self._lent[number]
        return lambda *arguments, **named: self._peer.ask(number, arguments, named)


def is_exception(value: object) -> bool:
    """Whether a name stands for a class that can be raised."""
    return isinstance(value, type) and issubclass(value, BaseException)


def find_builtin(kind: type) -> str:
    """The first builtin that an exception derives from; what ends a process is to its test an error like others."""
    names = (base.__name__ for base in kind.__mro__ if getattr(builtins, base.__name__, None) is base)
    name = next(names)
    return name if issubclass(kind, Exception) else "RuntimeError"


def describe_error(error: BaseException) -> list[Any]:
    """The error's own name, the builtin's, and its text."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return [type(error).__name__, find_builtin(type(error)), text]


def main() -> None:
    """Serve the referee over the two descriptors that this process was started with."""
    sys.set_int_max_str_digits(0)
    Player(requests=3, replies=4).serve()
