"""Which outcomes nobody has learnt from, where the same tasks are asked again."""

import numpy as np
from numpy.typing import NDArray

from router.outcome_rows import digest_tasks


def find_unseen(tasks: NDArray[np.float32], is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which rows (n,) of tasks (n, d) are new to the champion, as are their tasks.

    A challenger's prediction of a row is made without any answer to the same task. A champion that has learnt from an
    earlier one of those knows the task, and would seem surely better where it is not.
    """
    digests = digest_tasks(tasks)
    return np.asarray(is_new & ~np.isin(digests, digests[~is_new]))
