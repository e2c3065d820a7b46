"""Exact: the very text, but for space around it."""

from dataclasses import dataclass

from router.fields import Fields


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Right when the answer is the reference, character by character."""

    reference: str

    def grade(self, answer: str) -> float:
        """1.0 for the reference itself."""
        return float(answer.strip() == self.reference.strip())


def read_exact(fields: Fields) -> Exact:
    """Exact from a grader's fields."""
    fields.allow("kind", "reference")
    return Exact(reference=fields.text("reference"))
