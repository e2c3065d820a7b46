"""Constraints as rows: what each cell uses up of which limit."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from router.constrained.constraints import Constraints, Resource, Tenants
from router.errors import InvalidAllocationInput
from router.instance import Floats, Indices


class Layer(NamedTuple):
    """A use of every cell, each counted in at most one row. Rows that do not limit anything have the last number."""

    use: NDArray[Any]  # (tasks, strategies)
    group: Indices  # (tasks,)
    row: Indices  # (groups, strategies) the row that a group's use of a strategy counts in

    def rows_of(self, choice: Indices) -> Indices:
        """The row that each task's chosen strategy counts in."""
        return self.row[self.group, choice]

    def uses_of(self, choice: Indices) -> Floats:
        """What each task's chosen strategy uses."""
        return np.asarray(self.use[np.arange(len(choice)), choice], dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """All limits: the budget is the first row."""

    layers: tuple[Layer, ...]
    limit: Floats  # (rows,) finite, those past the budget's at least 0
    name: tuple[str, ...]  # (rows,)
    row_of: tuple[Indices, ...]  # for each kind of constraint, in the shape of its limits; the budget comes first

    def __len__(self) -> int:
        return len(self.limit)

    @property
    def free(self) -> Floats:
        """A price of 0 for every row."""
        return np.zeros(len(self.limit))


class Kind(NamedTuple):
    """One kind of constraint before its rows are numbered."""

    use: NDArray[Any]  # (tasks, strategies)
    group: Indices  # (tasks,)
    limit: Floats  # (groups, strategies) or (groups, 1)
    name: list[str]  # of each limit, flattened

    def limit_of_cells(self) -> Floats:
        """(tasks, strategies) or (tasks, 1): the limit that each cell counts in."""
        return np.asarray(self.limit[self.group])


def read_kinds(shape: tuple[int, int], cost: NDArray[Any], constraints: Constraints) -> list[Kind]:
    """The constraints past the budget; InvalidAllocationInput names what can not be one."""
    kinds = []
    if constraints.capacity is not None:
        kinds.append(_read_capacity(shape, constraints.capacity))
    kinds += [_read_resource(shape, resource) for resource in constraints.resources]
    if constraints.tenants is not None:
        kinds.append(_read_tenants(shape, cost, constraints.tenants))
    return kinds


def number_rows(cost: NDArray[Any], budget: float, kinds: list[Kind]) -> Rows:
    """The budget and all other limits in one numbering; those that are infinite get no row."""
    spending = Kind(cost, np.zeros(len(cost), dtype=np.int64), np.full((1, 1), budget), ["the budget"])
    limits: list[float] = []
    names: list[str] = []
    tables = []
    for kind in (spending, *kinds):
        flat = kind.limit.ravel()
        finite = np.isfinite(flat)
        table = np.where(finite, len(limits) + finite.cumsum() - 1, -1)
        limits += flat[finite].tolist()
        names += [name for name, kept in zip(kind.name, finite, strict=True) if kept]
        tables.append(table.reshape(kind.limit.shape))
    row_of = tuple(np.where(table < 0, len(limits), table) for table in tables)
    layers = tuple(
        Layer(kind.use, kind.group, np.ascontiguousarray(np.broadcast_to(rows, (len(rows), cost.shape[1]))))
        for kind, rows in zip((spending, *kinds), row_of, strict=True)
    )
    return Rows(layers=layers, limit=np.array(limits, dtype=np.float64), name=tuple(names), row_of=row_of)


def _read_capacity(shape: tuple[int, int], capacity: ArrayLike) -> Kind:
    counts = np.floor(_read_limits(capacity, (shape[1],), "the capacity"))
    names = [f"the capacity of strategy {strategy}" for strategy in range(shape[1])]
    return Kind(np.broadcast_to(1.0, shape), np.zeros(shape[0], dtype=np.int64), counts[np.newaxis], names)


def _read_resource(shape: tuple[int, int], resource: Resource) -> Kind:
    use = np.asarray(resource.use)
    if use.dtype.kind not in "fiub" or use.shape not in (shape, shape[1:]):
        raise InvalidAllocationInput(
            f"{resource.name}: use has the shape {use.shape} and the type {use.dtype}: give numbers of the shape "
            f"{shape} or {shape[1:]}"
        )
    with np.errstate(invalid="ignore"):
        wrong = np.argwhere(use < 0)
    if len(wrong):
        raise InvalidAllocationInput(
            f"{resource.name}: use is {use[tuple(wrong[0])]} at {tuple(wrong[0].tolist())}: a use is at least 0; use "
            "NaN to forbid a strategy"
        )
    together = np.ndim(resource.limit) == 0
    limits = _read_limits(resource.limit, () if together else shape[1:], f"{resource.name}: the limit")
    names = [resource.name] if together else [f"{resource.name} of strategy {one}" for one in range(shape[1])]
    return Kind(np.broadcast_to(use, shape), np.zeros(shape[0], dtype=np.int64), np.atleast_2d(limits), names)


def _read_tenants(shape: tuple[int, int], cost: NDArray[Any], tenants: Tenants) -> Kind:
    tenant = np.asarray(tenants.tenant)
    if tenant.shape != shape[:1] or (tenant.dtype.kind not in "iu" and tenant.size):
        raise InvalidAllocationInput(
            f"tenant has the shape {tenant.shape} and the type {tenant.dtype}: give one whole number for each of "
            f"{shape[0]} tasks"
        )
    budgets = _read_limits(tenants.budget, np.shape(tenants.budget)[:1], "the tenants' budget")
    wrong = np.flatnonzero((tenant < 0) | (tenant >= len(budgets)))
    if len(wrong):
        raise InvalidAllocationInput(
            f"task {wrong[0]} belongs to tenant {tenant[wrong[0]]}: there are budgets for {len(budgets)} tenants, "
            "counted from 0"
        )
    names = [f"the budget of tenant {one}" for one in range(len(budgets))]
    return Kind(cost, tenant.astype(np.int64), budgets[:, np.newaxis], names)


def _read_limits(limits: ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    array = np.asarray(limits, dtype=np.float64)
    if array.shape != shape:
        raise InvalidAllocationInput(f"{name} has the shape {array.shape}: give {shape}")
    wrong = np.flatnonzero(~(array >= 0))
    if len(wrong):
        position = f" at {wrong[0]}" if shape else ""
        raise InvalidAllocationInput(f"{name} is {array.flat[wrong[0]]}{position}: it is a number of at least 0")
    return array
