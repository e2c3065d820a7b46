"""Python's collector of cycles: what it need not look through, and how seldom it has to look."""

import gc

# Groups are hundreds of thousands of objects without a cycle among them, which go as soon as nobody needs them.
OBJECTS_BETWEEN_LOOKS = 50_000


def spare_collector() -> None:
    """Leave out all that is loaded by now, which stays: looking through it takes 0.3 s, every now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, 20, 20)
