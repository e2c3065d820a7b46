"""Words by which a sentence leaves open whether what it mentions is so: "maybe Paris", "Paris or Lyon", "is it Paris".

Who says "probably" or "I think" has decided for one answer, and hedges nothing here.
"""

import re

from router.grading.phrases import GAP, WORD, any_of, find_claim, find_words

_WORDS = """
maybe perhaps possibly potentially conceivably supposedly allegedly reportedly hypothetically tentatively arguably might
either unsure uncertain unclear undecided unless whether wonder wondering guess guesses guessing guessed suppose
supposing dunno depends depending torn candidates contenders possibilities rumoured rumored rumour rumor
"""
_HEDGING = frozenset(_WORDS.split())
_HEDGING_PHRASES = (
    rf"\bor\W+(?:{WORD}\W+){{0,3}}$",
    r"\b(?:could|may)(?: \w+)? be\b|\bpossible (?:answer|option|candidate)",
    r"\b(?:thought|believed|said|claimed|supposed) to be\b",
    r"\b(?:what if|how about|what about|toss-?up|coin (?:flip|toss)|fifty-fifty|50[/-]50)\b",
    r"\bi (?:had )?(?:thought|assumed)\b|\blet's say\b|\bassum(?:e|ing)(?: that)?(?: it(?:'s| is))?\W*$",
    r"\b(?:some|my|an?) \w+ (?:said|says?|thinks?|claims?|believes?)\b",
    r"\b(?:some|many|most|several|people|they|others|critics)(?: \w+)? (?:say|think|believe|claim|argue|assume)\b",
    r"^\W*(?:(?:so|and|but|well|hmm)\W+)*(?:is|was|are|were|could|can|would) (?:it|that|this|he|she|they|there|the)\b",
)
_HEDGING_PHRASE = re.compile("|".join(_HEDGING_PHRASES))

_GUESS = any_of(
    r"maybe|perhaps|possibly|allegedly|supposedly|i (?:guess|suppose)|if i had to guess|who knows|dunno",
    r"(?:i'm )?(?:unsure|guessing)|(?:just |only )?(?:an? )?guess",
)
_HEDGED_AFTER_BY = (
    rf"\W*(?:{WORD}\W+){{0,2}}(?<!whether )or\b",
    rf"\W*(?:{WORD}\W+){{0,3}}unless\b",
    rf"[\s,;:(\"'-]*{_GUESS}\b(?=\W*$|[,;])",
    rf"{GAP}(?:only )?if\b(?! (?:i|you ask)\b)|.*\b(?:maybe|perhaps|i guess|i suppose)\W*$",
    rf"{GAP}(?:might|could|may)(?: \w+)? be(?= (?:it|right|correct|true|so|the|an?)\b|\W*$)",
    rf"{GAP}(?:is|was|seems|would be) (?:(?:just|only|merely|an?|one|my|wild|best|mere|first|initial|rough) )*"
    r"(?:maybe|perhaps|possibly|guess|possibility|option|candidate|contender)\b",
)
_HEDGED_AFTER = re.compile("|".join(_HEDGED_AFTER_BY))


def is_hedged(before: str, after: str) -> bool:
    """Whether the two parts of a sentence around a mention, in lower case, leave open whether it is meant."""
    claim = find_claim(before)
    if not _HEDGING.isdisjoint(find_words(claim)):
        return True
    return bool(_HEDGING_PHRASE.search(claim) or _HEDGED_AFTER.match(after))
