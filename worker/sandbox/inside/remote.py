"""Stand-ins, in the referee's process, for what the answer's process keeps to itself."""

from typing import Any, Protocol


class Asker(Protocol):
    """Asks the answer's process."""

    def ask(self, *request: Any) -> Any:
        """Its answer."""

    def call(self, function: "Remote", arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """What a function of its returns."""


class Remote:
    """An object of the answer's: it can be called, asked for its parts, counted and iterated.

    It is never asked how it compares to, or computes with, a value of the test's: an object that answers such questions
    itself would be right always. Two objects of the answer's may be compared, which is what tests of classes do.
    """

    __slots__ = ("_asker", "number")

    def __init__(self, asker: Asker, number: int) -> None:
        object.__setattr__(self, "_asker", asker)
        object.__setattr__(self, "number", number)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._asker.call(self, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python itself looks for, such as __float__
            raise AttributeError(name)
        return self._asker.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._asker.ask("setattr", self, name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._asker.ask("getitem", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._asker.ask("setitem", self, key, value)

    def __delitem__(self, key: Any) -> None:
        self._asker.ask("delitem", self, key)

    def __len__(self) -> int:
        return int(self._asker.ask("len", self))

    def __iter__(self) -> Any:
        return self._asker.ask("iter", self)

    def __next__(self) -> Any:
        return self._asker.ask("next", self)

    def __str__(self) -> str:
        return str(self._asker.ask("str", self))

    def __repr__(self) -> str:
        return str(self._asker.ask("repr", self))

    def __bool__(self) -> bool:
        return bool(self._asker.ask("bool", self))

    def __hash__(self) -> int:
        return int(self._asker.ask("hash", self))

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, Remote) and self._asker.ask("isinstance", instance, self) is True

    def __eq__(self, other: object) -> Any:
        return self._compute("eq", other)

    def __lt__(self, other: object) -> Any:
        return self._compute("lt", other)

    def __le__(self, other: object) -> Any:
        return self._compute("le", other)

    def __gt__(self, other: object) -> Any:
        return self._compute("gt", other)

    def __ge__(self, other: object) -> Any:
        return self._compute("ge", other)

    def __add__(self, other: object) -> Any:
        return self._compute("add", other)

    def __sub__(self, other: object) -> Any:
        return self._compute("sub", other)

    def __mul__(self, other: object) -> Any:
        return self._compute("mul", other)

    def _compute(self, operation: str, other: object) -> Any:
        return self._asker.ask(operation, self, other) if isinstance(other, Remote) else NotImplemented
