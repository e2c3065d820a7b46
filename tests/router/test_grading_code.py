"""The pure half of the code grader: which part of an answer is the program, and which tests are none."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import GraderError
from router.grading import grade, parse_grader
from router.grading.code_tests import CodeTests, extract_code

DEFINITION = "def f(x):\n    return x + 1\n"


def make(**fields: object) -> CodeTests:
    rule = parse_grader({"kind": "code", "reference": ["assert f(1) == 2", "assert f(2) == 3"], **fields}).rule
    assert isinstance(rule, CodeTests)
    return rule


@pytest.mark.parametrize(
    "answer",
    [
        DEFINITION,
        f"```python\n{DEFINITION}```",
        f"Here it is:\n\n```py\n{DEFINITION}```\nIt adds one.",
        f"```\n{DEFINITION}```\n\nUse it so:\n```python\nprint(f(1))\n```",
        f"```python\ndef f(x):\n    return x\n```\nThat was wrong. Corrected:\n```python\n{DEFINITION}```",
        f"```json\n{{}}\n```\n```python\n{DEFINITION}```",
        f"```python\n{DEFINITION}",  # cut off before the fence was closed
    ],
)
def test_the_program_is_the_last_block_that_defines_something(answer: str) -> None:
    assert extract_code(answer) == DEFINITION


@given(st.text(alphabet="`\n python=def f(x):", max_size=300))
def test_a_program_is_part_of_its_answer(answer: str) -> None:
    assert extract_code(answer) in answer


@given(st.integers(0, 2))
def test_all_tests_count_or_each_its_share(passed: int) -> None:
    assert make().score(passed) == float(passed == 2)
    assert make(partial=True).score(passed) == float(Fraction(passed, 2))


def test_code_has_no_grade_before_it_has_run() -> None:
    grader = parse_grader({"kind": "code", "reference": "assert f(1) == 2"})
    assert grade(grader, DEFINITION) is None
    assert grade(grader, " ") == 0.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reference": []}, "grader.reference: must be a list of texts"),
        (
            {"reference": ["assert True", "assert f("]},
            "grader.reference[1]: is not Python: line 1: '(' was never closed",
        ),
        ({"reference": "x = 1\n  y = 2"}, "grader.reference: is not Python: line 2: unexpected indent"),
        ({"reference": ["f(1) == 2"]}, "grader.reference[0]: line 1 compares and asserts nothing: write assert before"),
        ({"reference": ["f(1)"]}, "grader.reference[0]: can not fail: write assert CALL == RESULT"),
        (
            {"reference": "assert True\0"},
            "grader.reference: is not Python: source code string cannot contain null bytes",
        ),
        ({"reference": "assert " + "(" * 5_000}, "grader.reference: is not Python"),
        ({"reference": "assert " + "not " * 4_900 + "True"}, "grader.reference: is not Python that can be read"),
        ({"reference": ["assert True"] * 201}, "grader.reference: has 201 tests, and a grader at most 200"),
        ({"reference": "assert True #" + "x" * 20_000}, "grader.reference: has 20013 characters, and a test at most"),
        ({"setup": "class Node"}, "grader.setup: is not Python: line 1: expected ':'"),
        ({"reference": "import numpy as np\nassert f(1) == np.pi"}, "grader.reference: imports 'numpy': a sandbox has"),
        ({"reference": "from answer import f\nassert f(1) == 2"}, "grader.reference: imports 'answer': a sandbox has"),
        ({"setup": "import os, yaml.nodes"}, "grader.setup: imports 'yaml.nodes': a sandbox has the standard library"),
        ({"seconds": 61}, "grader.seconds: must be at most 60, got 61"),
        ({"seconds": 0.5}, "grader.seconds: must be a positive integer, got 0.5"),
        ({"memory_mib": 16}, "grader.memory_mib: must be an integer of at least 64, got 16"),
        ({"partial": "yes"}, "grader.partial: must be true or false, got 'yes'"),
        ({"timeout": 3}, "grader.timeout: is not a known key"),
    ],
)
def test_a_wrong_description_is_refused_by_its_place(fields: Mapping[str, object], message: str) -> None:
    with pytest.raises(GraderError) as caught:
        parse_grader({"kind": "code", "reference": "assert f(1) == 2", **fields})
    assert str(caught.value).startswith(message)
