"""What crosses the line between referee and player is exactly a plain value, or stands for something."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.inside.wire import WireError, decode, encode

keys = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
leaves = (
    keys
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.fractions()
    | st.decimals("-1e9", "1e9")
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.sets(keys)
        | st.frozensets(keys)
        | st.dictionaries(keys, inner)
    ),
    max_leaves=15,
)
lines = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["list", "set", "dict", "bytes", "complex", "Decimal", "object", "x"]), inner)
    ),
    max_leaves=15,
)


class Stood:
    """What an object of the other side is here."""


def refuse(value: object) -> dict[str, Any]:
    raise AssertionError(f"{value!r} is plain")


def is_plain(value: object) -> bool:
    if type(value) in (list, tuple, set, frozenset):
        return all(map(is_plain, value))  # type: ignore[call-overload]  # each of them can be iterated
    if type(value) is dict:
        return all(is_plain(key) and is_plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str, bytes, complex, Decimal, Fraction, Stood)


@given(values)
def test_a_plain_value_arrives_as_it_was(value: object) -> None:
    arrived = decode(json.loads(json.dumps(encode(value, refuse))), lambda _: Stood())
    assert arrived == value
    assert repr(arrived) == repr(value) or isinstance(value, set | frozenset | dict | list | tuple)


@given(lines)
def test_whatever_stands_on_a_line_is_a_plain_value_or_refused(line: object) -> None:
    try:
        arrived = decode(json.loads(json.dumps(line)), lambda _: Stood())
    except WireError:
        return
    assert is_plain(arrived)


class Liar(int):
    """A number that is equal to every other."""

    __hash__ = None  # type: ignore[assignment]  # as such a class would be written

    def __eq__(self, other: object) -> bool:
        return True


class Named(dict[str, int]):
    """A dict that claims to be any other."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return True


def test_a_subclass_arrives_as_the_plain_type() -> None:
    number, mapping = decode(encode([Liar(9), Named(a=1)], refuse), lambda _: Stood())
    assert (type(number), type(mapping)) == (int, dict)
    assert number != 4
    assert mapping != {}


@pytest.mark.parametrize(
    "line", [[], {}, {"list": 1}, {"list": [], "set": []}, {"set": [{"list": []}]}, {"bytes": "x"}]
)
def test_what_is_no_value_is_refused(line: object) -> None:
    with pytest.raises(WireError):
        decode(line, lambda _: Stood())
