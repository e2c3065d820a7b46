"""Compiles the allocator ahead of its first use."""

import numpy as np


def compile_kernels() -> None:
    """Everything that `allocate`, `frontier` and their kin run, compiled and kept on disk; a second call is quick."""
    from router.allocate import allocate
    from router.allocation import Deferral
    from router.bracket import SAMPLE
    from router.frontier import frontier

    alike = 2 * SAMPLE + 1  # past the size from which on a sample is taken
    allocate(np.tile([0.2, 0.5, 0.8], (alike, 1)), np.tile([1.1, 2.2, 4.5], (alike, 1)), 1.7 * alike)
    rng = np.random.default_rng(0)
    accuracy, cost = rng.random((500, 4)), rng.random((500, 4))
    allocate(accuracy, cost, 150.0)
    allocate(accuracy, cost, 10.0, deferral=Deferral.SERVE_MOST)
    frontier(accuracy, cost)
