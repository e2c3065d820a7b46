"""Whether an answer that mentions something asserts it: "not Paris" and "Paris?" mention Paris without meaning it."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from router.fields import Fields
from router.grading.normal_text import fold_characters

CONTEXT = 200  # characters on each side in which a denial is looked for; bounds the work on an endless sentence

_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_DENIAL_BEFORE = re.compile(
    r"\b(?:not|never|neither|nor|cannot|[a-z]{2,8}n't|without|hardly|lacks?|except|non|no(?!\s*[,;:])"
    r"|rather than|instead of|other than|anything but|far from|opposite of)\b",
    re.IGNORECASE,
)
# "Paris is not the capital", "Paris is wrong"; a comma ends what belongs to the mention. "Positive, it is not."
_DENIAL_AFTER = re.compile(
    r"[ \"')]+(?:[\w']+[ \"')]+){0,2}(?:not|never|[a-z]{2,8}n't|wrong|incorrect|untrue)\b|.*\bnot[\s\"')]*$",
    re.IGNORECASE,
)


class Mention(NamedTuple):
    """One place where an answer names something."""

    text: str  # as the answer has it
    is_asserted: bool


def find_mentions(answer: str, names: Iterable[str]) -> list[Mention]:
    """Every mention of any of the names as whole words, whatever the case; of overlapping names the longest."""
    return [Mention(match[0], is_asserted(answer, *match.span())) for match in find_names(answer, names)]


def find_names(answer: str, names: Iterable[str]) -> list[re.Match[str]]:
    """Every place where one of the names stands as whole words."""
    return list(_compile_names(tuple(names)).finditer(answer))


def is_asserted(answer: str, start: int, end: int) -> bool:
    """Whether the sentence around two positions neither denies nor only asks what stands between them."""
    before = _SENTENCE_END.split(answer[max(0, start - CONTEXT) : start])[-1]
    stop = _SENTENCE_END.search(answer, end, end + CONTEXT)
    if stop and stop[0] == "?":
        return False
    after = answer[end : stop.start() if stop else end + CONTEXT]
    return not (_DENIAL_BEFORE.search(before) or _DENIAL_AFTER.match(after))


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
    """Whole words only: a hyphen belongs to a word ("non-positive"), a decimal point to a number ("12.5")."""
    before = r"(?<![\w-])(?<!\d[.,])" if name[0].isalnum() else ""
    after = r"(?![\w-]|[.,]\d)" if name[-1].isalnum() else ""
    return f"{before}{re.escape(name)}{after}"
