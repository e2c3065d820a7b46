"""A price scale that fits the tasks it is meant for."""

import numpy as np
from numpy.typing import ArrayLike

from router.sketch import PriceScale

SAMPLE = 16_384  # tasks that the scale is chosen from
WIDER = 16.0  # times: tasks that come later, and those not in the sample, have other prices


def fit_scale(accuracy: ArrayLike, cost: ArrayLike, *, unit: str) -> PriceScale:
    """A scale for arrays (tasks, strategies), from an even sample of them; prices beyond it share the end buckets."""
    from router.cell_check import check_instance
    from router.choose import choose_best
    from router.hull import trace_segments
    from router.instance import make_instance

    whole = make_instance(accuracy, cost)
    every = max(1, -(-len(whole) // SAMPLE))
    sample = check_instance(whole.accuracy[::every], whole.cost[::every])
    slopes = trace_segments(sample, choose_best(sample, worth=0.0, price=1.0).strategy).slope
    if not len(slopes):  # one strategy a task: every price is as good
        slopes = np.ones(1)
    return PriceScale(unit=unit, lowest=float(slopes.min()) / WIDER, highest=float(slopes.max()) * WIDER)
