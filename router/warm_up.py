"""Compiles the allocator ahead of its first use."""

import numpy as np


def compile_kernels() -> None:
    """Everything that `allocate`, `frontier` and their kin run, compiled and kept on disk; a second call is quick."""
    from router.allocate import allocate
    from router.allocation import Deferral
    from router.bracket import SAMPLE
    from router.frontier import frontier

    tasks = 2 * SAMPLE + 1  # past the size from which on a sample is taken
    accuracy = np.tile([0.2, 0.5, 0.8, 0.85], (tasks, 1))
    cost = np.tile([1.0, 2.0, 4.0, 7.0], (tasks, 1))
    allocate(accuracy, cost, 1.3 * tasks)
    allocate(accuracy[:8], cost[:8], 12.5)
    allocate(accuracy[:8], cost[:8], 4.0, deferral=Deferral.SERVE_MOST)
    frontier(accuracy[:8], cost[:8])
