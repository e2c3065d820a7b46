"""Code: the answer is a Python program that passes tests.

To run it takes a sandbox (worker/sandbox/). Here is what a grader's fields say, which part of an answer is the program,
and what the number of passed tests makes of it.
"""

import ast
import re
import sys
from dataclasses import dataclass
from fractions import Fraction

from router.fields import Fields, quote

MOST_TESTS = 200
LONGEST_TEST = 20_000  # characters
LONGEST_RUN_SECONDS = 60
SMALLEST_MEMORY_MIB = 64  # the interpreter itself needs about a third of it
LARGEST_MEMORY_MIB = 4_096

# A fenced block of any language; to the end of the text where the closing fence was cut off.
_FENCED = re.compile(r"^[ \t]*```[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_LANGUAGES = frozenset({"", "py", "python", "python3"})
_DEFINITION = re.compile(r"^(?:async def|def|class) ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class CodeTests:
    """Right when the answer's program passes every test; with `partial` the grade is the share of them that pass."""

    tests: tuple[str, ...]  # each some statements that call what the program defines, and assert what comes back
    setup: str  # statements that run before the program, where it runs
    seconds: int  # of processor time, for all tests together
    memory_mib: int
    partial: bool
    in_place: bool  # what the program changes in its arguments is changed for the test

    def score(self, passed: int) -> float:
        """The grade of a program that passes so many of the tests."""
        return float(Fraction(passed, len(self.tests)) if self.partial else passed == len(self.tests))


def extract_code(answer: str) -> str:
    """The program of an answer: its last fenced Python block that defines something; without fences all of it."""
    blocks = [match[2] for match in _FENCED.finditer(answer) if match[1].lower() in _LANGUAGES]
    if not blocks:
        return answer
    defining = [block for block in blocks if _DEFINITION.search(block)]
    return (defining or blocks)[-1]


def read_code_tests(fields: Fields) -> CodeTests:
    """Code from a grader's fields; `reference` is one test or a list of them, each Python that asserts."""
    fields.allow("kind", "reference", "setup", "seconds", "memory_mib", "partial", "in_place")
    tests = fields.text_or_texts("reference")
    if len(tests) > MOST_TESTS:
        raise fields.error("reference", f"has {len(tests)} tests, and a grader at most {MOST_TESTS}: join some of them")
    is_list = isinstance(fields.values["reference"], list)
    for index, test in enumerate(tests):
        _check_test(fields, f"reference[{index}]" if is_list else "reference", test)
    setup = fields.optional_text("setup") or ""
    _check_imports(fields, "setup", _parse(fields, "setup", setup))
    return CodeTests(
        tests=tests,
        setup=setup,
        seconds=fields.count("seconds", 5, most=LONGEST_RUN_SECONDS),
        memory_mib=fields.count("memory_mib", 256, least=SMALLEST_MEMORY_MIB, most=LARGEST_MEMORY_MIB),
        partial=fields.flag("partial"),
        in_place=fields.flag("in_place"),
    )


def _check_test(fields: Fields, place: str, test: str) -> None:
    tree = _parse(fields, place, test)
    _check_imports(fields, place, tree)
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare):
            raise fields.error(place, f"line {node.lineno} compares and asserts nothing: write assert before it")
    if not any(isinstance(node, ast.Assert | ast.Raise) for node in nodes):
        raise fields.error(place, "can not fail: write assert CALL == RESULT")


def _check_imports(fields: Fields, place: str, tree: ast.Module) -> None:
    """What the sandbox has not would fail every answer alike."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                remedy = "a sandbox has the standard library, and what the answer defines is there without an import"
                raise fields.error(place, f"imports {quote(name)}: {remedy}")


def _parse(fields: Fields, place: str, text: str) -> ast.Module:
    if len(text) > LONGEST_TEST:
        raise fields.error(place, f"has {len(text)} characters, and a test at most {LONGEST_TEST}: shorten it")
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        raise fields.error(place, f"is not Python: {line}{error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise fields.error(place, "is not Python that can be read: it is nested too deep") from None
