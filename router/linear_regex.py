"""Regular expressions whose matching time grows with the text's length only: no backtracking, so no catastrophe.

Thompson's construction, simulated on all states at once (Thompson 1968, CACM 11(6)). `re` takes exponential time for a
pattern such as `(a+)+$`; a model's answer must never be able to stop a worker that way.
"""

import re

# The parser behind `re` has no public name; to read the syntax ourselves would be one more place to be wrong.
import re._constants as sre  # type: ignore[import-not-found]  # private to the standard library, so without stubs
import re._parser as sre_parser  # type: ignore[import-not-found]  # likewise
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MOST_STATES = 4_000  # a counted repeat is unrolled: (a{100}){100} would be 10,000
TOO_MANY_STATES = f"the pattern needs more than {MOST_STATES} states: lower its repeat counts"
LONGEST_PATTERN = 1_000  # characters

CharacterTest = Callable[[str], bool]

CATEGORIES: dict[Any, CharacterTest] = {
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_NOT_DIGIT: lambda character: not character.isdecimal(),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    sre.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
    sre.CATEGORY_NOT_WORD: lambda character: not (character.isalnum() or character == "_"),
}


@dataclass
class _State:
    """One state: consumes a character that passes `test`, or forks at once to `next` where the position `allows` it."""

    next: list[int]
    test: CharacterTest | None = None
    allows: Callable[[str, int], bool] | None = None


@lru_cache(maxsize=1_000)
def compile_regex(pattern: str, *, ignore_case: bool = False) -> "LinearRegex":
    """The compiled pattern; re.error says what is wrong with it."""
    if len(pattern) > LONGEST_PATTERN:
        raise re.error(f"a pattern has at most {LONGEST_PATTERN} characters, got {len(pattern)}")
    try:
        return LinearRegex(pattern, ignore_case=ignore_case)
    except (RecursionError, OverflowError):
        raise re.error("the pattern is nested too deep or repeats too often") from None


class LinearRegex:
    """A compiled pattern. re.error tells what is wrong with it, or which construct has no linear-time matching."""

    def __init__(self, pattern: str, *, ignore_case: bool = False) -> None:
        parsed = sre_parser.parse(pattern)
        flags = parsed.state.flags | (re.IGNORECASE if ignore_case else 0)
        if flags & (re.MULTILINE | re.ASCII | re.LOCALE):
            raise re.error("of the inline flags only i, s and x are supported")
        self._ignore_case = bool(flags & re.IGNORECASE)
        self._dot_matches_all = bool(flags & re.DOTALL)
        self._states: list[_State] = []
        self._sequences_built = 0
        self._accept = self._add(_State(next=[]))
        self._start = self._build(parsed, self._accept)

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        current = self._close([self._start], text, 0)
        for at, character in enumerate(text):
            passed = (state for state in map(self._states.__getitem__, current) if state.test and state.test(character))
            current = self._close((index for state in passed for index in state.next), text, at + 1)
            if not current:
                return False
        return self._accept in current

    def _close(self, starts: Iterable[int], text: str, at: int) -> set[int]:
        """All states reached without consuming a character."""
        reached: set[int] = set()
        waiting = list(starts)
        while waiting:
            index = waiting.pop()
            state = self._states[index]
            if index in reached or (state.allows and not state.allows(text, at)):
                continue
            reached.add(index)
            if state.test is None:
                waiting += state.next
        return reached

    def _add(self, state: _State) -> int:
        if len(self._states) >= MOST_STATES:
            raise re.error(TOO_MANY_STATES)
        self._states.append(state)
        return len(self._states) - 1

    def _build(self, items: Iterable[tuple[Any, Any]], then: int) -> int:
        """The first state of a sequence that ends in the state `then`; built from its last item to its first."""
        self._sequences_built += 1  # counted too, since empty groups add no state however often they repeat
        if self._sequences_built > MOST_STATES:
            raise re.error(TOO_MANY_STATES)
        for operator, argument in reversed(list(items)):
            then = self._build_item(operator, argument, then)
        return then

    def _build_item(self, operator: Any, argument: Any, then: int) -> int:
        if operator is sre.BRANCH:
            return self._add(_State(next=[self._build(branch, then) for branch in argument[1]]))
        if operator is sre.SUBPATTERN:
            _, added_flags, removed_flags, inner = argument
            if added_flags or removed_flags:
                raise re.error("flags inside a group are not supported: put them at the start of the pattern")
            return self._build(inner, then)
        if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = argument
            return self._build_repeat(least, most, inner, then)
        if operator is sre.AT:
            return self._add(_State(next=[then], allows=read_position(argument)))
        return self._add(_State(next=[then], test=self._read_test(operator, argument)))

    def _build_repeat(self, least: int, most: Any, inner: Sequence[tuple[Any, Any]], then: int) -> int:
        if most is sre.MAXREPEAT:
            loop = self._add(_State(next=[then]))
            self._states[loop].next.append(self._build(inner, loop))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._add(_State(next=[self._build(inner, then), end]))
        for _ in range(least):
            then = self._build(inner, then)
        return then

    def _read_test(self, operator: Any, argument: Any) -> CharacterTest:
        if operator is sre.ANY:
            return (lambda _: True) if self._dot_matches_all else (lambda character: character != "\n")
        test = read_class([(operator, argument)] if operator is not sre.IN else argument)
        if not self._ignore_case:
            return test
        return lambda character: test(character) or test(character.lower()[:1]) or test(character.upper()[:1])


def read_class(items: Sequence[tuple[Any, Any]]) -> CharacterTest:
    """The test for one character that a literal or a [class] stands for."""
    negated = items[0][0] is sre.NEGATE
    tests = [_read_class_item(*item) for item in items[1 if negated else 0 :]]
    return lambda character: any(test(character) for test in tests) != negated


def _read_class_item(operator: Any, argument: Any) -> CharacterTest:
    if operator is sre.LITERAL:
        return chr(argument).__eq__
    if operator is sre.NOT_LITERAL:
        return chr(argument).__ne__
    if operator is sre.RANGE:
        low, high = map(chr, argument)
        return lambda character: low <= character <= high
    if operator is sre.CATEGORY:
        return CATEGORIES[argument]
    raise re.error(f"{str(operator).lower()} has no linear-time matching: write the pattern without it")


def read_position(anchor: Any) -> Callable[[str, int], bool]:
    """Whether a position in a text is one where ^, $, \\A, \\Z, \\b or \\B holds."""
    if anchor in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
        return lambda text, at: at == 0
    if anchor is sre.AT_END_STRING:
        return lambda text, at: at == len(text)
    if anchor is sre.AT_END:
        return lambda text, at: at == len(text) or (at == len(text) - 1 and text[at] == "\n")
    return lambda text, at: _is_boundary(text, at) == (anchor is sre.AT_BOUNDARY)


def _is_boundary(text: str, at: int) -> bool:
    is_word = CATEGORIES[sre.CATEGORY_WORD]
    before, after = text[max(at - 1, 0) : at], text[at : at + 1]
    return (before != "" and is_word(before)) != (after != "" and is_word(after))
