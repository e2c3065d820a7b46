"""Words around digits that make another value of them, or none: "twice 13", "13 plus one", "at least 13"."""

import re

from router.grading.phrases import any_of

REACH = 80  # characters before the digits that are read

_TENS = "hundred|thousand|million|billion|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_NUMBER = any_of(
    _TENS, r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|zero|half|quarter|dozen"
)
_PARTS = (
    r"halves|half|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|\w+teenths?"
    r"|hundredths?|thousandths?|millionths?|billionths?"
)
_FUNCTION = any_of(
    r"root|log|logarithm|factorial|square|cube|double|triple|multiple|factor|divisor|reciprocal|inverse|negati(?:on|ve)",
    r"opposite|successor|predecessor|per ?cent|percentage|fraction|part|share|rest|reverse|complement|power|remainder",
)
_RESULT = "(?:answer|result|solution)"

_BEFORE = (
    r"[<>≤≥≠√^%]",
    r"\b(?:(?<!other )than|at (?:least|most)|over|under|above|below|almost|nearly|(?:close|next|prior) to|near)",
    r"\b(?:(?<!add )(?<!adds )up to|as (?:many|few|much|little) as|beyond|after|before|following|preceding)",
    r"\b(?:approaching|past|exceed(?:s|ing)?|surpass(?:es|ing)?|within|until|from)",
    rf"-\(|\bevery|\b{_NUMBER} in|\b(?!one\b){_NUMBER} \w+ of|\bpairs? of",
    r"\b(?:short|shy|north|south|upwards) of",
    r"\b(?:sqrt|log|ln|sin|cos|tan|exp|mod|modulo|point|dot|comma)|\b[a-z]\(",
    rf"\b(?:{_FUNCTION}s? of|(?:{_PARTS}|twice|thrice|double|triple|quadruple)(?: of)?)|% of",
    r"\b(?:plus|times|(?:divid|multipli|subtract)ed by|multiply|divide|subtract|to the(?: power(?: of)?)?)",
    r"\badd(?:ed|ing)?(?: (?!up\b)\w+)? to|\badd",
    rf"\b(?:{_NUMBER}|it|that|this|total|number|value|{_RESULT}) minus",
    rf"\b(?:{_NUMBER}|[a-z])(?:\s*[+*/\u00d7\u00f7-]|\s+x\b)|\b{_NUMBER} (?:to|through|and)",
)
_SCALED_RESULT_BEFORE = (
    r"\b(?:twice|thrice|double|triple|half|third|quarter|(?:more|less) than)(?: of)? (?:the|that|this|my) (?:\w+ )?"
    rf"{_RESULT}\b",
    rf"\b{_RESULT}(?: is|,)? (?:plus|times|squared|cubed|doubled|halved|tripled|(?:divid|multipli)ed)\b",
)
_CHANGING_BEFORE = re.compile(
    rf"(?:{any_of(*_BEFORE)}(?: the| just| exactly)?[\s($€£¥₹-]*|\b(?:{_TENS})(?:[\s-]+and)?[\s-]+)$"
    rf"|{any_of(*_SCALED_RESULT_BEFORE)}",
    re.IGNORECASE,
)

_UNIT = r"(?: [^\W0-9]+){0,2}"
_IS = r" (?:is|was|makes|equals)(?: only| just| exactly)?"
_AFTER = (
    r"[^\W0-9]+[0-9]|(?-i:[MBTi])\b|[\u0300-\u036f\u20d0-\u20ff]",
    r"\s*(?:[π√^+]|(?:st|nd|rd|th|point|pi)\b)|(?:-|\s)?ish\b|-(?:odd|something|some|plus|fold)\b",
    rf"\s*(?:and )?(?:an? |one |two |three )?(?:{_PARTS})\b",
    rf"{_UNIT}[\s,(-]*\b(?:plus|minus|multiplied by|divided by|take away|times (?:an? )?{_NUMBER}|at (?:most|least))\b",
    rf"{_UNIT} and (?:up|above|below|under|over|counting|more|change|a bit)\b",
    rf"{_UNIT} (?:max(?:imum)?|minimum|upwards|tops)\b",
    r"[\s,(-]*(?:doubled|tripled|quadrupled|halved|squared|cubed|negated|reversed|backwards?|factorial|mod|modulo)\b",
    r"[\s-]*(?:lakhs?|crores?|quadrillions?|quintillions?|myriads?|basis points?|pct)\b",
    rf"\s*[*/\u00d7\u00f7x-]\s*(?:an? )?{_NUMBER}\b",
    r"\s+times\s+(?:itself|that|it)\b|\s+to the (?:power|second|third|fourth)\b",
    r"[\s,(]*(?:less|without|with|but|from|off|by|over|and|per|choose|to|through|out of)\s+"
    rf"(?:an? |another |about )?{_NUMBER}\b",
    rf"{_UNIT} (?:(?:short|shy) of\b|(?:below|under)(?: zero\b|\W*$))",
    r"\s+in (?:an? |one |every )?(?:hundred|thousand|million)\b",
    rf"\s+(?:more|less|fewer) than (?:{_NUMBER}|it|that)\b",
    rf"\s*\(?(?:in )?(?:base (?:[0-9]|{_NUMBER})|binary|octal|hex)",
    r"(?: is| was)? (?:too (?:low|high|small|large|big|many|few|much|little)|off by)\b",
    r" (?:is|was) (?:off|close|almost|nearly)\b",
    rf"{_IS} (?:half|twice|double|triple|{_NUMBER} (?:more|less|fewer|short|off|away|too))(?: \w+){{0,2}}"
    rf" (?:it|that|what|{_RESULT}|much|many)\b",
    rf"{_IS} (?:the|an?) {_FUNCTION} of (?:the|that|this|my) (?:\w+ )?{_RESULT}\b",
)
_CHANGING_AFTER = re.compile("|".join(_AFTER), re.IGNORECASE)


def is_changed_before(before: str) -> bool:
    """Whether the words that end right before digits (the last REACH characters suffice) make another value of them."""
    return bool(_CHANGING_BEFORE.search(before))


def is_changed_after(text: str, end: int) -> bool:
    """Whether the words of a text from the end of its digits on make another value of them."""
    return bool(_CHANGING_AFTER.match(text, end))
