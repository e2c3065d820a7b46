"""The JSON value that an answer is."""

import json
import re
from fractions import Fraction

from router.fields import read_decimal

LONGEST_JSON = 20_000  # characters

# A fence around the whole answer is accepted, for chat models write one unasked; prose around it is not.
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)


def read_json_answer(answer: str) -> object:
    """The value, bare or fenced, every number as a Fraction; ValueError where it is no JSON or has a key twice."""
    text = answer.strip()
    if len(text) > LONGEST_JSON:
        raise ValueError("the answer is too long")
    fenced = _FENCE.fullmatch(text)
    try:
        return json.loads(
            fenced[1] if fenced else text,
            object_pairs_hook=_refuse_double_keys,
            parse_constant=_read_number,
            parse_float=_read_number,
            parse_int=_read_number,
        )
    except RecursionError:
        raise ValueError("the answer is nested too deep") from None


def _read_number(text: str) -> Fraction:
    """The exact value; ValueError for NaN, infinities and numbers of absurd size."""
    number = read_decimal(text)
    if number is None:
        raise ValueError(text)
    return Fraction(number)


def _refuse_double_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object; ValueError where a key stands twice, or an answer could name two values and be right with one."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields
