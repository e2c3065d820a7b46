"""Normalised: the text but for case, spacing, quotes, emphasis and punctuation around it."""

import msgspec

from router.fields import Fields
from router.grading.normal_text import normalise_text


class Normalised(msgspec.Struct, frozen=True, kw_only=True):
    """Right when the answer is one of the references, both normalised."""

    references: frozenset[str]

    def grade(self, answer: str) -> float:
        """1.0 for any of the references."""
        return float(normalise_text(answer) in self.references)


def read_normalised(fields: Fields) -> Normalised:
    """Normalised from a grader's fields; `reference` is one text, or a list of texts that are all right."""
    fields.allow("kind", "reference")
    references = frozenset(map(normalise_text, fields.text_or_texts("reference")))
    if "" in references:
        raise fields.error("reference", "must hold more than punctuation")
    return Normalised(references=references)
