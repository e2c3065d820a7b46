"""Pure decisions: numbers and text in, allocations, predictions, prompts and grades out."""

from router.allocate import allocate
from router.allocation import DEFERRED, Allocation, Deferral
from router.constrained.constraints import ConstrainedAllocation, Constraints, Resource, Tenants
from router.frontier import Frontier, frontier
from router.objective import allocate_target, allocate_weighted
from router.sketch import FrontierSketch, PriceScale, sketch_frontier

__all__ = [
    "DEFERRED",
    "Allocation",
    "ConstrainedAllocation",
    "Constraints",
    "Deferral",
    "Frontier",
    "FrontierSketch",
    "PriceScale",
    "Resource",
    "Tenants",
    "allocate",
    "allocate_target",
    "allocate_weighted",
    "frontier",
    "sketch_frontier",
]
