"""Phrases as patterns for lower-case text, in which reading takes time in proportion to the text and no more."""

import re

WORD = r"(?>\w+(?:'\w+)*)"  # never read in two ways, so nothing is tried again
GAP = r"[ \"')]+"  # between words of one clause


def up_to(words: int) -> str:
    """The pattern of at most so many words of a clause, each with the gap after it."""
    return rf"(?:{WORD}{GAP}){{0,{words}}}"


def any_of(*phrases: str) -> str:
    """The pattern of any of these."""
    return f"(?:{'|'.join(phrases)})"


def find_words(text: str) -> list[str]:
    """The words of a text, as "isn't" is one."""
    return _WORDS.findall(text)


def find_claim(before: str) -> str:
    """What of a sentence begins after its last "so" or "but": "the guest might return, so" leaves nothing open."""
    return _CLAIM.split(before)[-1]


_CLAIM = re.compile(r"[,;:-]\s*(?:and )?(?:so(?! to (?:say|speak)| far)|but|therefore(?!,)|thus(?!,)|hence(?!,))\b")
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
