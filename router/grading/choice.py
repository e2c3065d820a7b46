"""Choice: the answer names one of several options, and only that one."""

import msgspec

from router.fields import Fields
from router.grading.assertion import asserts_name, find_names, read_names
from router.grading.normal_text import fold_characters, normalise_text


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Right when the answer asserts the reference and names no other option."""

    reference: str
    options: tuple[str, ...]

    def grade(self, answer: str) -> float:
        """1.0 for the reference alone; 0.0 for hedging, denying and naming none."""
        if normalise_text(answer) == normalise_text(self.reference):
            return 1.0
        text = fold_characters(answer)
        mentions = [mention for mention in find_names(text, self.options) if _is_meant(mention[0])]
        if {mention[0].casefold() for mention in mentions} != {self.reference.casefold()}:
            return 0.0
        return float(all(asserts_name(text, mention) for mention in mentions))


def _is_meant(name: str) -> bool:
    # A small single letter inside a sentence is an article or a variable, not option A.
    return len(name) > 1 or name.isupper() or not name.isalpha()


def read_choice(fields: Fields) -> Choice:
    """Choice from a grader's fields; `options` are all options of the task, the reference among them."""
    fields.allow("kind", "reference", "options")
    reference, options = fields.text("reference"), read_names(fields, "options")
    matching = [option for option in options if normalise_text(option) == normalise_text(reference)]
    if not matching:
        raise fields.error("reference", f"must be one of the options ({', '.join(options)}), got {reference!r}")
    return Choice(reference=matching[0], options=options)
