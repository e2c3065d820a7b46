"""The options and keys that a prompt names for its answer."""

import re

from router.errors import FieldError, NotEligible
from router.fields import Fields

MOST_OPTIONS = 64
LONGEST_OPTION = 80  # characters; a longer "option" is prose that only looks like a list

# "Options: a, b or c", "one of these: a / b", "Answer yes or no", or such words and a colon above a bulleted list.
DEFAULT_OPTIONS_PATTERN = (
    r"(?i)(?:\b(?:options|choices|labels|categories|classes|one of|choose)\b[^:\n]{0,40}:[ \t]*"
    r"|\banswer(?: with)?(?: only| just| either)? (?=\w+ or \w+))"
    r"(?P<list>(?:\n[ \t]*(?:[-*•]|\(?\w[.)])[ \t]+[^\n]+)+|[^\n.:?()]+(?:\)[^\n.:?()]+)*)"
)

# "with keys name, city and year", "with the fields `a` and `b`"
DEFAULT_KEYS_PATTERN = (
    r"(?i)\b(?:keys|fields)\b:?[ \t]+"
    r"(?P<list>[\"'`]?[a-z_]\w*[\"'`]?(?:(?:,[ \t]*(?:and[ \t]+)?|[ \t]+and[ \t]+)[\"'`]?[a-z_]\w*[\"'`]?)*)"
)

_BULLET = re.compile(r"^[ \t]*[-*•][ \t]+")
_LETTERED = re.compile(r"^\(?([A-Za-z0-9])[.)]\s+\S")
_SEPARATORS = (";", ", ", ",", "|", "/")
_LAST_WORD = re.compile(r"^(?:or|and)\s+", re.IGNORECASE)


def read_options(question: str, pattern: str) -> tuple[str, ...]:
    """The options of the first list in a question that has at least two; letters where the list is lettered."""
    for match in re.finditer(pattern, question):
        options = split_list(match["list"], last_word="or")
        if 2 <= len(options) <= MOST_OPTIONS and all(len(option) <= LONGEST_OPTION for option in options):
            return options
    raise NotEligible("the prompt names no options to choose from, as in 'Options: a, b, c'")


def read_keys(question: str, pattern: str) -> tuple[str, ...]:
    """The keys that a question wants in its JSON answer; none where it names none."""
    match = re.search(pattern, question)
    return split_list(match["list"], last_word="and") if match else ()


def split_list(text: str, *, last_word: str) -> tuple[str, ...]:
    """The distinct items of a list as people write it: bulleted, or with commas and a last `or`."""
    if "\n" in text.strip("\n"):
        parts = [_BULLET.sub("", line) for line in text.strip("\n").split("\n")]
    else:
        parts = _split_line(text.strip(), last_word)
    items = [_strip_marks(part) for part in parts]
    letters = [match[1] for item in items if (match := _LETTERED.match(item))]
    return tuple(dict.fromkeys(letters if len(letters) == len(items) else filter(None, items)))


def compile_list_pattern(settings: Fields, key: str, default: str) -> str:
    """The pattern under a key, checked to be one that yields a list."""
    pattern = settings.text(key, default)
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise FieldError(settings.at(key), f"is not a regular expression: {error}") from None
    if "list" not in groups:
        raise FieldError(settings.at(key), "must hold the list in a group named list, as in 'Options: (?P<list>.+)'")
    return pattern


def _split_line(line: str, last_word: str) -> list[str]:
    separator = next((mark for mark in _SEPARATORS if mark in line), None)
    parts = [line] if separator is None else line.split(separator)
    *rest, last = [_LAST_WORD.sub("", part.strip()) for part in parts]
    return [*rest, *re.split(rf"\s+{last_word}\s+", last)]


def _strip_marks(item: str) -> str:
    return item.strip(" \t\"'`*[]{}.,;")
