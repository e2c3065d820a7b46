"""Whether an answer that mentions something asserts it: "not Paris" and "Paris?" mention Paris without meaning it."""

import re
from collections.abc import Iterable
from functools import lru_cache

from router.fields import Fields
from router.grading.denial import is_denied, is_retracted
from router.grading.hedge import is_hedged
from router.grading.normal_text import fold_characters

CONTEXT = 500  # characters on each side that are read; a sentence that goes on for longer asserts nothing

# No end is the stop of "Mr. Smith" and "J. Smith", nor the line's end of "Wrong answers:".
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Z])(?<!\b(?:Mr|Dr|Ms|St|vs|Jr|Sr|Mt))(?<!\b(?:Mrs|Gen|Col|e\.g|i\.e))[.!?]+[\"')\]]*(?=\s|$)|(?<![:\n])\n"
)
_LEFT_OPEN = re.compile(
    r"(?:\b(?:not|never|neither|nor|except|without|unlike)|n't)[^\w.\n]*(?:\.\.|\n)\W*$", re.IGNORECASE
)
_OTHER_NAME = re.compile(r"\s?/\s?\w")


def find_names(answer: str, names: Iterable[str]) -> list[re.Match[str]]:
    """Every place where one of the names stands as whole words."""
    return list(_compile_names(tuple(names)).finditer(answer))


def asserts_name(answer: str, mention: re.Match[str]) -> bool:
    """Whether an answer asserts what it names in one place; "Paris/Rome" and "18 km/h" name something else there."""
    return is_asserted(answer, *mention.span()) and not _OTHER_NAME.match(answer, mention.end())


def is_asserted(answer: str, start: int, end: int) -> bool:
    """Whether an answer neither denies, nor hedges, nor only asks what stands between two positions."""
    window, rest = answer[max(0, start - CONTEXT) : start], answer[end : end + CONTEXT]
    *earlier, before = _SENTENCE_END.split(f"{window}x")  # the x goes on, as the mention does: "!Paris" is one sentence
    stop = _SENTENCE_END.search(rest)
    if (not earlier and start > CONTEXT) or (stop and "?" in stop[0]) or _LEFT_OPEN.search(window):
        return False
    before, after = before[:-1].lower(), rest[: stop.start() if stop else CONTEXT].lower()
    is_taken_back = is_denied(before, after) or is_retracted(answer[start:end].lower(), rest.lower())
    return not (is_taken_back or is_hedged(before, after))


def read_names(fields: Fields, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The folded texts under a key, a single one or a list, to be looked for in folded answers."""
    if default is not None and key not in fields:
        return default
    names = tuple(map(fold_characters, fields.text_or_texts(key)))
    if not all(names):
        raise fields.error(key, "must hold more than emphasis marks and invisible characters")
    return names


@lru_cache(maxsize=1_000)
def _compile_names(names: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(_bound(name) for name in longest_first), re.IGNORECASE)


def _bound(name: str) -> str:
    """Whole words only: a hyphen belongs to a word ("non-positive"), a decimal point to a number ("12.5").

    A mark over or through the last letter makes it another one.
    """
    before = r"(?<![\w-])(?<!\d[.,])" if name[0].isalnum() else ""
    after = r"(?![\w\u0300-\u036f-]|[.,]\d)" if name[-1].isalnum() else ""
    return f"{before}{re.escape(name)}{after}"
