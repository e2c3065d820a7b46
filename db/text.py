"""Which text Postgres can hold: no NUL characters, no lone surrogates."""

import re

from db.errors import UnstorableText

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT_CHARACTER = "\ufffd"


def is_storable(text: str) -> bool:
    """Whether Postgres can hold the text: what it can not names nothing there."""
    return _is_plain(text) or not _UNSTORABLE.search(text)


def require_storable(text: str, *, name: str) -> str:
    """The text itself; UnstorableText when Postgres would refuse it."""
    if _is_plain(text):
        return text
    if found := _UNSTORABLE.search(text):
        problem = "NUL character" if found.group() == "\x00" else "lone surrogate"
        raise UnstorableText(name=name, problem=problem, position=found.start())
    return text


def replace_unstorable(text: str) -> str:
    """The text with what Postgres can not hold replaced: for what a model wrote, which is paid for."""
    return text if _is_plain(text) else _UNSTORABLE.sub(REPLACEMENT_CHARACTER, text)


def _is_plain(text: str) -> bool:
    """Known in no time, and true of most texts: nothing in it has to be looked for."""
    return text.isascii() and "\x00" not in text
