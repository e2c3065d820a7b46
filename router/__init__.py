"""Pure decisions: numbers and text in, allocations, predictions, prompts and grades out."""

from router.allocate import allocate
from router.allocation import DEFERRED, Allocation, Deferral
from router.frontier import Frontier, frontier
from router.objective import allocate_target, allocate_weighted

__all__ = [
    "DEFERRED",
    "Allocation",
    "Deferral",
    "Frontier",
    "allocate",
    "allocate_target",
    "allocate_weighted",
    "frontier",
]
