"""F1: how many words an answer shares with a reference, as in SQuAD (Rajpurkar et al. 2016, arXiv 1606.05250)."""

import string
import unicodedata
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import msgspec

from router.fields import Fields
from router.grading.normal_text import fold_characters

ARTICLES = frozenset({"a", "an", "the"})


class F1(msgspec.Struct, frozen=True, kw_only=True):
    """The harmonic mean of precision and recall over words, the best of all references."""

    references: tuple[Counter[str], ...]
    threshold: Fraction | None  # None: the score itself is the grade

    def grade(self, answer: str) -> float:
        """The score from 0.0 to 1.0; with a threshold 1.0 for an answer that reaches it, and 0.0 below."""
        words = count_words(answer)
        score = max(_score(words, reference) for reference in self.references)
        return float(score if self.threshold is None else score >= self.threshold)


def count_words(text: str) -> Counter[str]:
    """Each word with its number; case, punctuation of any script and English articles do not count."""
    folded = fold_characters(text).casefold()
    return Counter(word for word in "".join(map(_keep, folded)).split() if word not in ARTICLES)


def _keep(character: str) -> str:
    # SQuAD removes string.punctuation, which has signs that Unicode does not count as punctuation.
    is_mark = character in string.punctuation or unicodedata.category(character).startswith("P")
    return "" if is_mark else character


def _score(words: Counter[str], reference: Counter[str]) -> Fraction:
    """Exact: 2 * shared / (words of both), which equals the harmonic mean of precision and recall."""
    return Fraction(2 * (words & reference).total(), words.total() + reference.total())


def read_f1(fields: Fields) -> F1:
    """F1 from a grader's fields; `reference` is one text, or a list of texts of which the nearest counts."""
    fields.allow("kind", "reference", "threshold")
    references = tuple(map(count_words, fields.text_or_texts("reference")))
    if not all(references):
        raise fields.error("reference", "must hold more than articles and punctuation")
    return F1(references=references, threshold=_read_threshold(fields))


def _read_threshold(fields: Fields) -> Fraction | None:
    if "threshold" not in fields:
        return None
    threshold = fields.decimal("threshold", high=Decimal(1))
    if not threshold:
        raise fields.error("threshold", "must be above 0, or every answer would be right")
    return Fraction(threshold)
