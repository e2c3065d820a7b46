"""Regex: the whole answer matches a regular expression."""

import re
from dataclasses import dataclass

from router.fields import Fields
from router.linear_regex import compile_regex

LONGEST_MATCHED = 5_000  # characters of an answer


@dataclass(frozen=True, kw_only=True)
class Regex:
    """Right when the pattern matches all of the answer but the space around it."""

    pattern: str
    ignore_case: bool

    def grade(self, answer: str) -> float:
        """1.0 for a match of the whole answer."""
        text = answer.strip()
        return float(
            len(text) <= LONGEST_MATCHED and compile_regex(self.pattern, ignore_case=self.ignore_case).fullmatch(text)
        )


def read_regex(fields: Fields) -> Regex:
    """Regex from a grader's fields; patterns that can only be matched by backtracking are refused."""
    fields.allow("kind", "reference", "ignore_case")
    pattern, ignore_case = fields.text("reference"), fields.flag("ignore_case")
    try:
        compile_regex(pattern, ignore_case=ignore_case)
    except re.error as error:
        raise fields.error("reference", f"is not a regular expression that can be used: {error}") from None
    return Regex(pattern=pattern, ignore_case=ignore_case)
