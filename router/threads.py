"""How many threads torch computes with."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on the calling thread alone: small matrices gain nothing from a second one, which burns a core waiting."""
    import torch  # serving needs none

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
