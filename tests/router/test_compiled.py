"""How compiled functions are kept: no stale copy, and none of it before it is needed."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from numba.core.dispatcher import Dispatcher

import router


def list_compiled(module: ModuleType) -> list[Dispatcher]:
    return [value for value in vars(module).values() if isinstance(value, Dispatcher)]


def test_compiled_functions_call_none_of_another_file() -> None:
    """The copy on disk is made anew when its own file changes, and only then."""
    found = 0
    for path in Path(router.__path__[0]).glob("*.py"):
        if "from router.compiled import" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(f"router.{path.stem}")
        for kernel in list_compiled(module):
            found += kernel.py_func.__module__ == module.__name__
            names = kernel.py_func.__code__.co_names
            called = [kernel.py_func.__globals__.get(name) for name in names]
            outside = [
                one for one in called if isinstance(one, Dispatcher) and one.py_func.__module__ != module.__name__
            ]
            assert kernel.py_func.__module__ != module.__name__ or not outside
    assert found > 10


def test_numba_is_not_imported_before_something_is_computed() -> None:
    code = "import sys; import router, router.warm_up; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_cache_that_can_not_be_written_is_done_without(tmp_path: Path) -> None:
    """As in a container whose files are read-only."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    code = """
import numba.core.caching
for locator in numba.core.caching.CacheImpl._locator_classes:
    locator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError("read-only"))
import numpy
import router.totals
assert router.totals.largest_sum(numpy.ones(3)) == 3
"""
    environment = os.environ | {"HOME": str(blocked), "XDG_CACHE_HOME": str(blocked)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
