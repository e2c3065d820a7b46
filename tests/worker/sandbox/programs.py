"""Programs against tests, as the tests of the sandbox run them."""

from router.grading import parse_grader
from router.grading.code_tests import CodeTests
from worker.sandbox.code_run import count_passed


def passed(program: str, *tests: str, **fields: object) -> int:
    """How many of the tests a program passes."""
    rule = parse_grader({"kind": "code", "reference": list(tests), **fields}).rule
    assert isinstance(rule, CodeTests)
    return count_passed(rule, program)


def reveal(program: str, expected: object, **fields: object) -> bool:
    """Whether a program's `see()` gives exactly this."""
    return passed(program, f"assert see() == {expected!r}, see()", **fields) == 1
