"""Programs that try to pass their tests without being right."""

import pytest

from tests.worker.sandbox.programs import passed

TESTS = ("assert f(2) == 4", "assert f(3) == 9", "assert abs(f(0.5) - 0.25) < 1e-9")

LIAR = """
class Liar:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __sub__(self, other): return 0
    def __rsub__(self, other): return 0
    def __abs__(self): return 0
    def __float__(self): return 0.25
    def __contains__(self, other): return True
    __hash__ = None
def f(x):
    return Liar()
"""

FORGERIES = {
    "lies about equality": LIAR,
    "lies as a number": LIAR.replace("class Liar:", "class Liar(int):"),
    "lies as a text": LIAR.replace("class Liar:", "class Liar(str):"),
    "lies as its class": "class Meta(type):\n    __eq__ = lambda *_: True\n"
    + LIAR.replace("class Liar:", "class Liar(metaclass=Meta):"),
    "ends well when loaded": "import os\nos._exit(0)",
    "exits when loaded": "exit(0)",
    "ends well when called": "import os\ndef f(x):\n    os._exit(0)",
    "exits when called": "import sys\ndef f(x):\n    sys.exit(0)",
    "raises what passes": "def f(x):\n    raise StopIteration",
    "writes a verdict": """
import os
for fd in (0, 1, 2, 3, 5, 6, 7):
    try:
        os.write(fd, b'.111')
    except OSError:
        pass""",
    "answers and ends": 'import os\nfor _ in range(50):\n    os.write(4, b\'{"ok": {"list": []}}\\n\')\nos._exit(0)',
    "answers before it is asked": "import os\nfor _ in range(50):\n    os.write(4, b'{\"ok\": true}\\n')",
    "speaks garbage": "import os\nos.write(4, b'\\xff\\x00garbage\\n' * 9)",
    "asks without end": "import os\nwhile True:\n    os.write(4, b'{\"ask\": 1}\\n')",
    "one endless line": "import os\nwhile True:\n    os.write(4, b'[' * 60000)",
    "nested too deep": "import os\nos.write(4, b'[' * 60000 + b'\\n')",
    "patches its own builtins": """
import builtins
builtins.AssertionError = builtins.len = builtins.exec = None
def f(x):
    return None""",
    "patches its callers": """
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        frame.f_globals['passes'] = lambda *_: True
        frame = frame.f_back""",
    "looks for the tests": """
import gc
def f(x):
    return next((o for o in gc.get_objects() if isinstance(o, str) and 'assert f' in o), None)""",
    "ends the referee": """
import os, signal
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSTOP):
    os.kill(1, number)
def f(x):
    return 1""",
    "wakes the referee": "import os, signal\nos.kill(1, signal.SIGALRM)",
    "ends everybody": "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "takes the test's words": """
passes = exec = compile = abs = lambda *_: 0
AssertionError = Exception
def f(x):
    return 1""",
    "becomes another program": "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'pass'])",
}


@pytest.mark.parametrize("program", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_passes_no_test(program: str) -> None:
    assert passed(program, *TESTS, seconds=1) == 0


def test_who_dies_has_not_raised_the_error_that_was_wanted() -> None:
    test = "try:\n    f()\nexcept BaseException:\n    pass\nelse:\n    raise AssertionError"
    assert passed("import os\ndef f():\n    os._exit(0)", test, test) == 0
    assert passed("def f():\n    raise KeyboardInterrupt", test, test) == 2


def test_what_is_expected_is_never_told_to_the_program() -> None:
    program = """
SEEN = []
class Spy:
    def __getattribute__(self, name):
        SEEN.append(name)
        return object.__getattribute__(self, name)
    def __eq__(self, other):
        SEEN.append(other)
        return True
def f():
    return Spy()
def seen():
    return [item for item in SEEN if item == 'expected']"""
    assert passed(program, "assert f() == 'expected' or seen() == []", "assert f() in ['expected']") == 1


def test_the_time_is_limited_and_what_was_passed_before_counts() -> None:
    busy = "def f(x):\n    while x == 3:\n        pass\n    return x * x"
    assert passed(busy, *TESTS, seconds=1) == 1
    asleep = "import time\ndef f(x):\n    time.sleep(x == 3 and 10**6)\n    return x * x"
    assert passed(asleep, *TESTS, seconds=1) == 1
    assert passed("while True:\n    pass", *TESTS, seconds=1) == 0
