"""Words by which a sentence denies what it mentions: "not Paris", "unlike Paris", "Paris is wrong"."""

import re

from router.grading.phrases import GAP, any_of, find_claim, find_words, up_to

# Anywhere before in the sentence.
_WORDS = """
not never neither nor cannot without except excepting hardly lack lacks lacking non
doubt doubts doubted doubtful dubious
isnt wasnt arent werent dont doesnt didnt cant couldnt wouldnt shouldnt hasnt havent wont aint
nicht kein keine pas jamais niet geen nunca
"""
_DENYING = frozenset(_WORDS.split())
# Only of what follows in the same clause: "the card was rejected, it is billing" denies nothing of billing.
_CLOSE_WORDS = """
exclude excludes excluding eliminate eliminates eliminating discard discarding dismiss dismisses ignore
ignoring forget skip avoid avoids omitting barring besides barely scarcely unlike nobody noone none nothing nowhere deny
denies denied denying dispute disputes disputed disbelieve refute refutes refuted disagree disagrees reject rejects
rejected strike remove unlikely improbable implausible impossible fake refuse refuses refused fail fails failed
"""
_WRONG = any_of("wrong", "false", "incorrect", "untrue", "mistaken", "inaccurate", "erroneous", "nonsense")
_WRONG_BEFORE = any_of(
    rf"(?:it|that|this|answer|claim|statement)(?:'s| is| was| would be| seems) (?:\w+ )?{_WRONG}",
    rf"{_WRONG} (?:to|that|answers?|choices?|options?|results?|guess\w*)",
    r"(?:trap|decoy|bogus) (?:answer|choice|option)",
    r"(?:falsely|wrongly|incorrectly|mistakenly) (?:s(?:ay|aid)|call|claim|believ|th(?:ink|ought)|nam|answer|assum)\w*",
    r"(?:an?|the|my)(?: \w+)? (?:mistake|misconception|fallacy|error|lie|myth|joke)(?: (?:to|that|is)\b|\W*$)",
)
_CROSS = r"[\u2716\u2717\u2718\u274c\U0001f6ab]"
_DENYING_PHRASES = (
    rf"\b{any_of(*_CLOSE_WORDS.split())}{GAP}{up_to(6)}$",
    rf"\b{_WRONG_BEFORE}|^\W*(?:false|wrong|incorrect|untrue)\b(?!\s*,)",
    r"\b(?:in place|in lieu) of\b|\b(?:opposed|contrary) to\b|\bcontrast (?:to|with)\b|\b(?:apart|aside) from\b",
    r"\b(?:all|any|every|each)\w*(?: \w+){0,2} (?:but|save|bar)\b|\bleast likely\b|\bthe last thing\b",
    r"\bonly an? \w+ would\b|\btoo \w+ to be\b|\brul(?:e[sd]?|ing) out\b|\bcross(?:es|ed|ing)? out\b",
    r"\b(?:setting|leaving|putting) aside\b|\b(?:whoever|anyone(?: who)?) (?:says?|saying)\b",
    r"\b(?:would|could|should|might) have been\b|(?<!is )\bused to (?:be|think|believe)\b|\bonce thought\b",
    r"\bi wish\b|\bif only\b|\b(?:if|as if|as though) (?:it|that|this) were\b|\bpretend(?:s|ing)?\b",
    r"\b(?:almost|nearly)\W*$|\bso-called\b|\byeah,? right\b",
    rf"(?:[\u00ac\u2260\u2262]|{_CROSS}|(?<!\S)!|~~|<(?:s|del|strike)>)\s*$",
)
_DENYING_PHRASE = re.compile("|".join(_DENYING_PHRASES))
# "No, it is Paris" denies another.
_SETTING_APART = re.compile(
    r"\bno(?!\s*[,;:])\b|\b(?:(?:rather|other) than|(?:instead|opposite) of|anything but|far from)\b"
)

# "There is no doubt that it is Paris", "not only Paris", "none other than Paris" assert it.
_AFFIRMING_PHRASES = (
    r"no (?:doubt|question)",
    r"make no mistake",
    r"(?:without|beyond)(?: (?:an?|any|all|the|reasonable|shadow|of))* (?:doubt|question)",
    r"not (?:only|just|merely|simply)",
    r"(?:none|nothing|nobody|no one|no \w+) (?:but|except|other than|else (?:than|but))",
    r"(?:do not|don't|never) doubt",
    r"(?:nobody|no one|few)(?: \w+)? (?:doubts?|den(?:y|ies)|disputes?)",
    r"(?:cannot|can't|can not) (?:be )?(?:doubt|deny|dispute|doubted|denied|disputed)",
)
_AFFIRMING = re.compile(rf"\b{any_of(*_AFFIRMING_PHRASES)}\b")

_NOT = any_of(
    "not|never|cannot be|[a-z]{2,8}n't|(?:is|was|does|did|would|could)nt|hardly|scarcely",
    "fails?|(?:has|means|is) nothing|no longer|used to be",
)
# Said of other things as well, so only where they end what is said: "Gold is unlikely to rust".
_UNLIKELY = any_of(
    "impossible|unlikely|improbable|implausible|doubtful|dubious|questionable|absurd|ruled out|in doubt|excluded",
    r"eliminated|discarded|rejected|debunked|disproved|an? (?:\w+ )?(?:lie|myth|mistake|error|misconception|joke|trap)",
    "out of the question|off the table|lying|no sense|far from (?:it|right|correct|true)",
    r"the last (?:thing|place)(?: \w+){0,3}",
)
_NOT_RIGHT = any_of(
    _WRONG, "an? (?:lie|joke)", "not (?:right|true|correct|it|so)", r"not the (?:\w+ )?(?:answer|one|case)"
)
# "It is Paris. Just kidding."
_TAKEN_BACK = any_of(
    r"(?:just )?(?:kidding|joking)|as if|psych|a joke|scratch that|never ?mind|i (?:take|took) (?:it|that) back|i lied",
    r"i made (?:it|that) up|i (?:am|was) (?:lying|joking|kidding|wrong|mistaken)|(?:disregard|ignore) (?:that|this)",
    r"on second thoughts?|i (?:\w+ )?doubt (?:it|that|this)|i (?:don't|do not) (?:think|believe) so|who knows",
    r"(?:(?:oh|no|sorry),? )?wait(?:,? (?:no|actually))?|(?:sorry|actually|oh),? no",
    r"(?:i'm |i am )?not (?:really|sure)|or(?: \w+){1,4}|(?:maybe|perhaps)(?: \w+){1,2}",
)
_DENIED_AFTER_BY = (
    # "Paris is not the capital", "Paris is wrong"; a comma ends what belongs to the mention: "Positive, it is not bad".
    rf"{GAP}{up_to(2)}{_NOT}\b",
    rf"{GAP}{up_to(2)}{_WRONG}\b",
    rf"{GAP}(?:is|was|would be|seems) \w+ (?:an?|the) {_WRONG} (?:answer|choice|option|one|result|number|guess)\b",
    rf"{GAP}{up_to(3)}{_UNLIKELY}(?=\W*$|[,;:])",
    rf"{GAP}{up_to(4)}(?:wrongly|falsely|mistakenly|incorrectly)\b|{GAP}aside(?=,|\W*$)",
    r".*\bnot[\s\"')]*$|.*\bif (?:\w+ ){1,2}were\b",
    rf"[\s,;:=>(\"'-]+{any_of(_WRONG, 'no|nope|nah', _TAKEN_BACK)}[\s\"')\]]*$",
    rf"[\s,;)-]*(?:which|(?:but|and|although|though) (?:that|this|it))(?: is| was|'s) (?:\w+ )?{_NOT_RIGHT}\b",
    r".*\bi (?:\w+ )?(?:doubt|don't think|do not think|don't believe)(?: (?:it|that|this|so))?\W*$",
    r"\W*(?:said|says?) (?:no one|nobody|(?:the|an?) (?:liar|fool))\b",
    rf"\s*(?:~~|</(?:s|del|strike)>|\u2260|!=|=/=|{_CROSS})",
)
_DENIED_AFTER = re.compile("|".join(_DENIED_AFTER_BY))

_THEN = r"(?<![.!?\s])[.!?\n]\W*+(?:(?:no|oh|actually|sorry|wait|but|oops|well)\W++)*"
_CONTRADICTED = any_of(
    _WRONG,
    "not|nope",
    rf"(?:that|this|the above|(?:that|this|the|my) (?:\w+ )?answer)(?: is| was|'s) (?:\w+ )?{_NOT_RIGHT}",
)
_TAKING_BACK = re.compile(rf"{_THEN}{_TAKEN_BACK}(?=\W*$|\s*[.!?,;\n])")
_CONTRADICTING = re.compile(rf"{_THEN}{_CONTRADICTED}(?=\W*$|\s*[.!?,;\n])")
_VERDICTS = frozenset({"yes", "no", "true", "false", "right", "wrong", "correct", "incorrect"})


def is_denied(before: str, after: str) -> bool:
    """Whether the two parts of a sentence around a mention, in lower case, deny it."""
    before, after = _AFFIRMING.sub(" ", before), _AFFIRMING.sub(" ", after)
    words = find_words(before)
    if not _DENYING.isdisjoint(words) or any(word.endswith("n't") for word in words) or _SETTING_APART.search(before):
        return True
    return bool(_DENYING_PHRASE.search(find_claim(before)) or _DENIED_AFTER.match(after))


def is_retracted(mention: str, rest: str) -> bool:
    """Whether another sentence takes a mention back, all in lower case: "Paris. Just kidding.", "Paris. That is wrong."

    A verdict is not contradicted by its like: "No. That is wrong."
    """
    if _TAKING_BACK.search(rest):
        return True
    return mention not in _VERDICTS and bool(_CONTRADICTING.search(rest))
