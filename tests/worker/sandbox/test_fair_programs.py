"""Right programs pass and wrong ones fail, in everything that tests of functions and classes do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.sandbox.programs import passed

CLASSES = """
class Empty(LookupError):
    pass

class Stack:
    def __init__(self, *items):
        self.items = list(items)
    def push(self, item):
        self.items.append(item)
    def pop(self):
        if not self.items:
            raise Empty('nothing is left')
        return self.items.pop()
    def __len__(self):
        return len(self.items)
    def __iter__(self):
        return iter(self.items)
    def __eq__(self, other):
        return self.items == other.items
    def __add__(self, other):
        return Stack(*self.items, *other.items)
"""

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(-1e300, 1e300),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=5)
@given(st.lists(plain, min_size=20, max_size=20))
def test_a_value_comes_back_as_the_test_expects_it(values: list[object]) -> None:
    program = f"VALUES = {values!r}\ndef give(index):\n    return VALUES[index]\ndef echo(value):\n    return value"
    tests = [f"assert give({index}) == echo({value!r}) == {value!r}" for index, value in enumerate(values)]
    wrong = [f"assert give({index}) == [{value!r}]" for index, value in enumerate(values)]
    assert passed(program, *tests, *wrong) == len(values)


@pytest.mark.parametrize(
    "test",
    [
        "s = Stack(); s.push(3); assert s.pop() == 3",
        "s = Stack(1, 2); assert len(s) == 2 and list(s) == [1, 2] and 2 in s and 3 not in s",
        "assert Stack(1) == Stack(1) and Stack(1) != Stack(2)",
        "assert (Stack(1) + Stack(2)).items == [1, 2]",
        "assert isinstance(Stack(), Stack) and not isinstance(3, Stack)",
        "s = Stack(); s.items = [4]; assert s.pop() == 4 and not s",
        "try:\n    Stack().pop()\nexcept Empty as error:\n    assert str(error)[:7] == 'nothing'\nelse:\n    assert 0",
        "try:\n    Stack().pop()\nexcept LookupError:\n    pass\nelse:\n    raise AssertionError",
    ],
)
def test_classes_can_be_tested(test: str) -> None:
    assert passed(CLASSES, test) == 1


@pytest.mark.parametrize(
    ("program", "test"),
    [
        (
            "def f(n):\n    for i in range(n):\n        yield i",
            "assert list(f(3)) == [0, 1, 2] and next(iter(f(1))) == 0",
        ),
        ("def f(g, items):\n    return [g(item) for item in items]", "assert f(lambda x: x + 1, [1, 2]) == [2, 3]"),
        ("def f(n):\n    return lambda x: x + n", "assert f(2)(3) == 5"),
        (
            "from fractions import Fraction\ndef f():\n    return Fraction(1, 3)",
            "from fractions import Fraction\nassert f() * 3 == 1",
        ),
        ("import math\ndef f(n):\n    return math.factorial(n)", "import math\nassert f(3000) == math.factorial(3000)"),
        (
            "def f(x):\n    return x / 3",
            "import math\nassert math.isclose(f(1), 0.3333333333) and abs(f(1) - 1 / 3) < 1e-9",
        ),
        ("import collections\ndef f(t):\n    return collections.Counter(t)", "assert f('aab') == {'a': 2, 'b': 1}"),
        ("def f(x=1, *, y=2):\n    return x + y", "assert f() == 3 and f(2, y=5) == 7"),
        ("import asyncio\nasync def g(x):\n    return x\ndef f(x):\n    return asyncio.run(g(x))", "assert f(4) == 4"),
        ("print('hello')\ndef f():\n    print('1' * 10**6)\n    return 1", "print('1'); assert f() == 1"),
        ("if __name__ == '__main__':\n    raise SystemExit\ndef f():\n    return 1", "assert f() == 1"),
        (
            "import pathlib\ndef f():\n    pathlib.Path('/tmp/x').write_text('ab')\n    return open('/tmp/x').read()",
            "assert f() == 'ab'",
        ),
        ("def all(items):\n    return True", "assert not all([False])"),  # a builtin of the test's stays what it is
    ],
)
def test_functions_can_be_tested(program: str, test: str) -> None:
    assert passed(program, test, "assert 1 == 2") == 1


def test_setup_runs_before_the_program_and_its_names_can_be_tested() -> None:
    setup = "class Node:\n    def __init__(self, value, after=None):\n        self.value, self.after = value, after"
    program = "def total(node):\n    return node.value + total(node.after) if node else 0"
    assert passed(program, "assert total(Node(1, Node(2))) == 3", setup=setup) == 1


def test_arguments_are_copies_unless_the_grader_says_otherwise() -> None:
    program = "def f(items):\n    items.sort()\n    return None"
    test = "items = [2, 1]; f(items); assert items == [1, 2]"
    assert passed(program, test) == 0
    assert passed(program, test, in_place=True) == 1
    cheat = "def f(items):\n    items.clear()\n    return []"
    assert passed(cheat, "items = [2, 1]; assert f(items) == sorted(items)") == 0


def test_each_test_has_names_of_its_own_and_fails_alone() -> None:
    tests = [
        "x = 1; assert f() == 1",
        "assert x == 1",
        "import os; assert f() == 2",
        "assert f() == 1; del f",
        "assert f() == 1",
    ]
    assert passed("def f():\n    return 1", *tests) == 3


@pytest.mark.parametrize(
    "program", ["", "def f(:", "raise ValueError", "exit()", "import no_such_module", "\0", "(" * 50_000]
)
def test_a_program_that_does_not_load_passes_nothing(program: str) -> None:
    assert passed(program, "assert f() == 1") == 0


SCRIPT = """
import sys
if __name__ == '__main__':
    for line in sys.stdin:
        print(sum(map(int, line.split())))
    sys.exit(0)
"""


def test_a_script_is_run_with_what_it_reads() -> None:
    tests = [
        "assert run_program('1 2\\n3 4\\n').split() == ['3', '7']",
        "assert run_program() == ''",
        "assert run_program('x')",
    ]
    assert passed(SCRIPT, *tests) == 2
    bare = "a, b = map(int, input().split())\nprint(a + b)"  # reads as soon as it is loaded
    assert (
        passed(
            bare, "assert run_program('1 2') == '3\\n'", "assert run_program('2 2') == '4\\n'", "assert run_program()"
        )
        == 2
    )
    assert passed("print('4\\n' * 9); def run_program(x): return '4'", "assert run_program('2 2') == '4'") == 0
    assert passed("def run_program(x):\n    return '4'", "assert run_program('2 2') == '4'") == 0


def test_names_are_missing_where_a_program_does_not_load() -> None:
    assert passed("def f():\n    return 1\nraise ValueError", "assert f() == 1", "assert run_program() == ''") == 0
