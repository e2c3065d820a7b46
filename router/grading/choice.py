"""Choice: the answer names one of several options, and only that one."""

from dataclasses import dataclass

from router.fields import Fields
from router.grading.assertion import Mention, find_mentions, read_names
from router.grading.normal_text import fold_characters, normalise_text


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Right when the answer asserts the reference and names no other option."""

    reference: str
    options: tuple[str, ...]

    def grade(self, answer: str) -> float:
        """1.0 for the reference alone; 0.0 for hedging, denying and naming none."""
        if normalise_text(answer) == normalise_text(self.reference):
            return 1.0
        mentions = [mention for mention in find_mentions(fold_characters(answer), self.options) if _is_meant(mention)]
        named = {mention.text.casefold() for mention in mentions}
        return float(named == {self.reference.casefold()} and all(mention.is_asserted for mention in mentions))


def _is_meant(mention: Mention) -> bool:
    # A small single letter inside a sentence is an article or a variable, not option A.
    return len(mention.text) > 1 or mention.text.isupper() or not mention.text.isalpha()


def read_choice(fields: Fields) -> Choice:
    """Choice from a grader's fields; `options` are all options of the task, the reference among them."""
    fields.allow("kind", "reference", "options")
    reference, options = fields.text("reference"), read_names(fields, "options")
    matching = [option for option in options if normalise_text(option) == normalise_text(reference)]
    if not matching:
        raise fields.error("reference", f"must be one of the options ({', '.join(options)}), got {reference!r}")
    return Choice(reference=matching[0], options=options)
