"""Exact: the very text, but for space around it."""

import msgspec

from router.fields import Fields


class Exact(msgspec.Struct, frozen=True, kw_only=True):
    """Right when the answer is the reference, character by character."""

    reference: str

    def grade(self, answer: str) -> float:
        """1.0 for the reference itself."""
        return float(answer.strip() == self.reference.strip())


def read_exact(fields: Fields) -> Exact:
    """Exact from a grader's fields."""
    fields.allow("kind", "reference")
    return Exact(reference=fields.text("reference"))
