"""Arrays of whole numbers, as texts."""

from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.tables.base import read_numbers, write_numbers


class Answer(IntEnum):
    LAST = 42


@given(st.lists(st.integers(min_value=-(10**38), max_value=10**38)))
def test_what_is_written_is_read(numbers: list[int]) -> None:
    assert read_numbers(write_numbers(numbers)) == numbers
    assert read_numbers(write_numbers(tuple(numbers))) == numbers


def test_a_number_with_a_name_is_written_as_a_number() -> None:
    assert read_numbers(write_numbers([1, Answer.LAST])) == [1, 42]


@pytest.mark.parametrize("other", [1.0, "1", None])
def test_anything_else_is_refused(other: object) -> None:
    with pytest.raises(TypeError, match="an array of whole numbers can not hold"):
        write_numbers([1, other])  # type: ignore[list-item]  # the point of the test
