"""Pure decisions: numbers and text in, allocations, predictions, prompts and grades out."""

from router.allocate import allocate
from router.allocation import DEFERRED, Allocation, Deferral
from router.constrained import allocate_constrained
from router.constraints import ConstrainedAllocation, Constraints, Resource, Tenants
from router.frontier import Frontier, frontier
from router.objective import allocate_target, allocate_weighted

__all__ = [
    "DEFERRED",
    "Allocation",
    "ConstrainedAllocation",
    "Constraints",
    "Deferral",
    "Frontier",
    "Resource",
    "Tenants",
    "allocate",
    "allocate_constrained",
    "allocate_target",
    "allocate_weighted",
    "frontier",
]
