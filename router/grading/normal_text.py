"""Text without the differences that make no answer wrong."""

import re
import unicodedata

_QUOTES_AND_DASHES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2010": "-", "\u2011": "-", "\u2012": "-"}
    | {"\u2013": "-", "\u2212": "-", "\u2014": " - ", "\u2015": " - "}
)
# Marks around a word; a star between two numbers is a multiplication, and dropping it would join them.
_EMPHASIS = re.compile(r"(?<![\w)])[*`]+(?=\S)|(?<=\S)[*`]+(?![\w(])")
_ENDS = " \t\n\"'_#.,;:!"


def fold_characters(text: str) -> str:
    """NFKC, one kind of quote and dash, single spaces, no emphasis marks, nothing invisible; case and lines stay."""
    folded = unicodedata.normalize("NFKC", text).translate(_QUOTES_AND_DASHES)
    visible = "".join(character for character in folded if unicodedata.category(character) != "Cf")
    return "\n".join(" ".join(line.split()) for line in _EMPHASIS.sub("", visible).splitlines())


def normalise_text(text: str) -> str:
    """The text folded, in one case and on one line, without quotes and punctuation around it."""
    return " ".join(fold_characters(text).casefold().split()).strip(_ENDS)
