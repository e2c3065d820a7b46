"""The numbers that an answer states as its result, read strictly: whoever hedges, bounds or denies states none."""

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from router.grading.assertion import is_asserted
from router.grading.normal_text import fold_characters
from router.grading.other_value import REACH, is_changed_after, is_changed_before

LONGEST_ANSWER = 2_000  # characters; a number somewhere in an essay is not its answer
LONGEST_WORKING = 80  # characters of arithmetic before an equals sign

SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "k": 1_000,
}

_CURRENCY = "$€£¥₹"
_TIMES = "\u00d7\u00f7"  # the signs for times and divided by
_ONE_CHARACTER_EACH = (("\u2044", "/"), (">=", "≥"), ("<=", "≤"), ("!=", "≠"))
_RUN = re.compile(r"\.?[0-9](?:[0-9.,]*[0-9])?")
_PLAIN = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+")
_HEDGE = re.compile(r"\b(?:or|either|between|versus|vs)\b|±", re.IGNORECASE)
_SIGN = re.compile(
    rf"(?:(?<![\w).])-[{_CURRENCY}]?|[{_CURRENCY}]-|\b(?:minus|negative)\s+[{_CURRENCY}]?)$", re.IGNORECASE
)
_INSIDE_WORD = re.compile(r"[^\W0-9]\^?-?$")  # the 2 of H2O and of m^2
_EXPONENT = re.compile(r"e[+-]?[0-9]{1,3}(?![0-9.])", re.IGNORECASE)
_FRACTION = re.compile(r"\s?/\s?([0-9]{1,20})(?!\s?[/0-9]|[.,][0-9])")
_MIXED = re.compile(r" ([0-9]{1,20})/([0-9]{1,20})(?!\s?[/0-9]|[.,][0-9])")
_SCALE = re.compile(r"k\b|\s?\b(hundred|thousand|million|billion|trillion|dozen)s?\b", re.IGNORECASE)
_WORD = r"[^\W0-9]+(?:[/^]\w+)*"
# Of several words only those that make another unit: whoever says "square km" or "km per hour" says no kilometres.
_UNIT = re.compile(
    rf"\s?((?:(?:square|cubic) {_WORD}|metric tons?\b|nautical miles?\b|(?:kilo)?watt[ -]hours?\b|per ?(?:cent|mille)\b"
    rf"|degrees? (?:celsius|fahrenheit)\b|{_WORD})(?: (?:per {_WORD}|squared|cubed))?|[%‰°{_CURRENCY}][^\W0-9]*)",
    re.IGNORECASE,
)
_THEREFORE = re.compile(r"\b(?:so|therefore|thus|hence|(?:final )?answer(?: is|:)|total of)\b[,:]?", re.IGNORECASE)
_WORKING = re.compile(rf"[0-9)%]\s*[+*/{_TIMES}x-]\s*[$€£]?[(0-9][0-9.,()$€£%+*/{_TIMES}x\s-]*$")


class StatedNumber(NamedTuple):
    """A number with the word or sign right after it, and the currency before it; "" without them."""

    value: Fraction
    unit: str
    currency: str


class _Span(NamedTuple):
    value: Fraction
    end: int


def read_numbers(answer: str) -> list[StatedNumber]:
    """Every number from the conclusion of an answer on; none at all where one can not be read for certain."""
    if len(answer) > LONGEST_ANSWER:
        return []
    text = _unfold_marks(answer)
    if _HEDGE.search(text):
        return []
    numbers: list[StatedNumber] = []
    at = _find_conclusion(text)
    while run := _RUN.search(text, at):
        at = run.end()
        if _INSIDE_WORD.search(text[max(0, run.start() - 3) : run.start()]):
            continue
        span = _read_value(text, run)
        if span is None or not is_asserted(text, run.start(), span.end):
            return []
        numbers.append(_with_surroundings(text, run.start(), span))
        at = span.end
    return numbers


def read_single_number(answer: str) -> Fraction | None:
    """The value of the only number that an answer states, however often it states it."""
    values = {number.value for number in read_numbers(answer)}
    return values.pop() if len(values) == 1 else None


def _read_value(text: str, run: re.Match[str]) -> _Span | None:
    """The value of a run of digits with its exponent, fraction and scale; None where it is no plain value."""
    if not _PLAIN.fullmatch(run[0]) or is_changed_before(text[max(0, run.start() - REACH) : run.start()]):
        return None
    value, end = Fraction(run[0].replace(",", "")), run.end()
    if exponent := _EXPONENT.match(text, end):
        value, end = value * Fraction(Decimal(f"1{exponent[0]}")), exponent.end()
    value, end = _read_fraction(text, value, end)
    while scale := _SCALE.match(text, end):
        value, end = value * SCALES[(scale[1] or "k").lower()], scale.end()
    return None if is_changed_after(text, end) else _Span(value, end)


def _read_fraction(text: str, value: Fraction, end: int) -> _Span:
    if (mixed := _MIXED.match(text, end)) and int(mixed[2]):
        return _Span(value + Fraction(int(mixed[1]), int(mixed[2])), mixed.end())
    if (fraction := _FRACTION.match(text, end)) and int(fraction[1]):
        return _Span(value / int(fraction[1]), fraction.end())
    return _Span(value, end)


def _with_surroundings(text: str, start: int, span: _Span) -> StatedNumber:
    before = text[max(0, start - 20) : start]
    currency = re.search(rf"([{_CURRENCY}])[\s-]?$", before)
    unit = _UNIT.match(text, span.end)
    return StatedNumber(
        value=-span.value if _SIGN.search(before) else span.value,
        unit=unit[1] if unit else "",
        currency=currency[1] if currency else "",
    )


def _unfold_marks(answer: str) -> str:
    """The text folded, but with 10² as 10^2 (folding alone makes it 102), 3½ as 3 1/2, and every script's digits."""
    marked = "".join(_unfold_mark(character) for character in re.sub(r"\u2212\s*", "-", answer))
    folded = fold_characters(marked)
    for written, meant in _ONE_CHARACTER_EACH:
        folded = folded.replace(written, meant)
    return "".join(str(unicodedata.decimal(character)) if character.isdecimal() else character for character in folded)


def _unfold_mark(character: str) -> str:
    kind = unicodedata.decomposition(character)
    if kind.startswith("<super>"):
        return f"^{character}"
    return f" {character}" if kind.startswith("<fraction>") else character


def _find_conclusion(text: str) -> int:
    """Where the last conclusion begins: after "so", or after an equals sign with arithmetic before it; 0 without one.

    Of "5 boxes of 8 pens, 5 x 8 = 40" only 40 is stated. "x = 12, x = 13" concludes nothing: it states both.
    """
    ends = [match.end() for match in _THEREFORE.finditer(text)]
    ends += [match.end() for match in re.finditer("=", text) if _WORKING.search(_line_before(text, match.start()))]
    return max((end for end in ends if _RUN.search(text, end)), default=0)


def _line_before(text: str, end: int) -> str:
    return text[max(0, end - LONGEST_WORKING) : end].rpartition("\n")[2]
