"""Properties: a rewritten text that has no one right wording, but must have every property asked for."""

from dataclasses import dataclass
from enum import StrEnum

from router.fields import Fields
from router.grading.assertion import find_names, read_names
from router.grading.normal_text import fold_characters

LONGEST_CHECKED = 20_000  # characters of an answer


class LetterCase(StrEnum):
    """How the letters of a text are to be written."""

    UPPER = "upper"  # ALL CAPITALS
    LOWER = "lower"  # no capitals
    TITLE = "title"  # Each Word Starts With A Capital


@dataclass(frozen=True, kw_only=True)
class Properties:
    """Right when all of them hold; case matters only to `letter_case`."""

    must_contain: tuple[str, ...]
    must_not_contain: tuple[str, ...]
    starts_with: str
    ends_with: str
    min_words: int
    max_words: int | None
    letter_case: LetterCase | None

    def grade(self, answer: str) -> float:
        """1.0 when all properties hold."""
        text = fold_characters(answer)[:LONGEST_CHECKED].strip().strip('"').strip()
        return float(self._has_length(text) and self._has_ends(text) and self._has_names(text) and self._has_case(text))

    def _has_length(self, text: str) -> bool:
        words = sum(any(character.isalnum() for character in word) for word in text.split())
        return self.min_words <= words and (self.max_words is None or words <= self.max_words)

    def _has_ends(self, text: str) -> bool:
        folded = text.casefold()
        return folded.startswith(self.starts_with.casefold()) and folded.endswith(self.ends_with.casefold())

    def _has_names(self, text: str) -> bool:
        return all(find_names(text, [name]) for name in self.must_contain) and not (
            self.must_not_contain and find_names(text, self.must_not_contain)
        )

    def _has_case(self, text: str) -> bool:
        match self.letter_case:
            case None:
                return True
            case LetterCase.UPPER:
                return text.isupper()
            case LetterCase.LOWER:
                return text.islower()
            case LetterCase.TITLE:
                return all(word[0].isupper() for word in text.split() if word[0].isalpha())


def read_properties(fields: Fields) -> Properties:
    """Properties from a grader's fields; `reference` maps each property to what it asks for."""
    fields.allow("kind", "reference")
    asked = fields.inner("reference").allow(
        "must_contain", "must_not_contain", "starts_with", "ends_with", "min_words", "max_words", "case"
    )
    if not asked.values:
        raise fields.error("reference", "must ask for at least one property")
    return Properties(
        must_contain=read_names(asked, "must_contain", ()),
        must_not_contain=read_names(asked, "must_not_contain", ()),
        starts_with=fold_characters(asked.optional_text("starts_with") or ""),
        ends_with=fold_characters(asked.optional_text("ends_with") or ""),
        min_words=asked.count("min_words", 1),
        max_words=asked.count("max_words") if "max_words" in asked else None,
        letter_case=LetterCase(asked.one_of("case", LetterCase, noun="cases")) if "case" in asked else None,
    )
