"""Functions over arrays that are compiled to machine code when first called, and kept on disk for the next process.

A compiled function calls only compiled functions of its own file: the copy on disk is made anew when that file
changes, and would not notice a change elsewhere.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function as machine code that lets other threads run.

    Threads share work through ThreadPoolExecutor and not through Numba's own parallel loops, which can not be started
    from several threads and do not survive a fork.
    """
    try:
        return _compile(function, cache=True)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return _compile(function, cache=False)


def _compile(function: Callable[Arguments, Result], *, cache: bool) -> Callable[Arguments, Result]:
    compiled_function: Callable[Arguments, Result] = numba.njit(nogil=True, cache=cache)(function)
    return compiled_function
