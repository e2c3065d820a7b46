"""Contains-all: a free answer that states every one of several things."""

import msgspec

from router.fields import Fields
from router.grading.assertion import asserts_name, find_names, read_names
from router.grading.normal_text import fold_characters


class ContainsAll(msgspec.Struct, frozen=True, kw_only=True):
    """Right when each thing is mentioned in one of its wordings and not denied, and nothing excluded is mentioned."""

    wordings: tuple[tuple[str, ...], ...]
    excluded: tuple[str, ...]
    max_words: int | None  # against answers that list everything they can think of

    def grade(self, answer: str) -> float:
        """1.0 when everything is stated."""
        text = fold_characters(answer)
        if self.max_words is not None and len(text.split()) > self.max_words:
            return 0.0
        if self.excluded and find_names(text, self.excluded):
            return 0.0
        return float(all(_is_stated(text, wordings) for wordings in self.wordings))


def _is_stated(text: str, wordings: tuple[str, ...]) -> bool:
    mentions = find_names(text, wordings)
    return bool(mentions) and all(asserts_name(text, mention) for mention in mentions)


def read_contains_all(fields: Fields) -> ContainsAll:
    """Contains-all from a grader's fields; an item of `reference` may be a list of wordings, one of which suffices."""
    fields.allow("kind", "reference", "none_of", "max_words")
    items = Fields(dict(fields.items("reference")), path="")
    return ContainsAll(
        wordings=tuple(read_names(items, place) for place in items.values),
        excluded=read_names(fields, "none_of", ()),
        max_words=fields.count("max_words") if "max_words" in fields else None,
    )
