"""Pure decisions: numbers and text in, allocations, predictions, prompts and grades out."""

from router.allocate import allocate
from router.allocation import DEFERRED, Allocation, Deferral
from router.frontier import Frontier, frontier
from router.objective import allocate_target, allocate_weighted
from router.sketch import FrontierSketch, PriceScale, sketch_frontier

__all__ = [
    "DEFERRED",
    "Allocation",
    "Deferral",
    "Frontier",
    "FrontierSketch",
    "PriceScale",
    "allocate",
    "allocate_target",
    "allocate_weighted",
    "frontier",
    "sketch_frontier",
]
