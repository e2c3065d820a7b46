"""Prices at which the bound of a whole instance is least, by relaxations over few of its cells.

A sample of tasks gives a first price for every row. There, most tasks have one strategy that is better by far; the
relaxation of the others, with what those leave of the limits, gives better prices. Cells that are good at the new
prices are added until none is missing: then the prices are optimal for all cells.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.constrained.core import Core, Units, open_cells
from router.constrained.instance import ConstrainedInstance, Reading
from router.constrained.interior_point import Relaxation, solve_relaxation
from router.instance import Floats

FEW_CELLS = 16_000  # no more than these are solved at once
SAMPLE_SHARE = 10  # of so many tasks one is in the sample
OPEN_SHARE = 5  # of so many tasks one is open at first
OPEN_LEAST = 3_000  # tasks open at first where there are few
NEAREST = 1e-3  # share of the largest accuracy; cells within it are open, whatever their number
ROUNDS = 10
CLOSE = 1e-9  # share of the bound by which better prices may still lower it
CLOSE_IN_SAMPLE = 1e-5
STEEPEST = 1e3  # the most that passing a whole limit can be worth, in all the accuracy there is
FREE = 1e-12  # a limit with a smaller share of all prices is slack
PASSED = 1e-9  # share of a limit; less is rounding

Flags = NDArray[np.bool_]


class Priced(NamedTuple):
    """The best prices found, and the cells that allocations close to the bound are made of."""

    price: Floats  # (rows,) weighted accuracy for a unit of each limit
    reading: Reading
    core: Core
    relaxation: Relaxation  # over the core
    whole: bool  # whether the core has every allowed cell

    @property
    def strained(self) -> bool:
        """Whether the cells of the core can not keep the limits."""
        return bool(self.relaxation.excess.max(initial=0.0) > PASSED)

    def settled(self, close: float) -> bool:
        """Whether the core says the same as all cells together, so that no other prices have a lower bound."""
        explained = self.core.closed_gain + self.relaxation.value * self.core.units.gain
        return not self.strained and self.reading.bound - explained <= close * abs(self.reading.bound)


def find_prices(constrained: ConstrainedInstance, units: Units, close: float = CLOSE) -> Priced:
    """Prices for every row whose bound is optimal, or close to it."""
    allowed = np.isfinite(constrained.accuracy) & np.isfinite(constrained.cost)
    steepest = np.full(len(constrained.rows), STEEPEST * len(allowed))
    if np.count_nonzero(allowed) <= FEW_CELLS:
        return _price_core(constrained, allowed, units, steepest)._replace(whole=True)
    price = _price_sample(constrained, units)
    loss = constrained.read(price).loss
    count = min(max(len(loss) // OPEN_SHARE, OPEN_LEAST), len(loss) - 1)
    near = max(float(np.partition(loss, count)[count]), NEAREST * units.gain)
    return _generate_columns(constrained, units, price, near=near, close=close)


def _generate_columns(
    constrained: ConstrainedInstance, units: Units, price: Floats, *, near: float, close: float
) -> Priced:
    """Relaxations over ever more cells, until no cell that is left out could change the prices."""
    columns = np.zeros(constrained.accuracy.shape, dtype=bool)
    best: Priced | None = None
    reach = 4.0
    for _ in range(ROUNDS):
        _mark_cells(constrained, price, near, columns)
        scaled = price * units.limit / units.gain
        priced = _price_core(constrained, columns, units, reach * (scaled + 0.1 * scaled.max(initial=0.0) + 1e-9))
        better = best is None or priced.reading.bound < best.reading.bound
        best = priced if best is None or better else best
        if priced.strained:
            near, reach = 4 * near, 4 * reach
        elif not better or priced.settled(close):
            break
        else:
            near, price = near / 4, priced.price
        if priced.reading.bound < constrained.least_gain:
            break
    assert best is not None
    return best


def _price_core(constrained: ConstrainedInstance, columns: Flags, units: Units, steepest: Floats) -> Priced:
    core = open_cells(constrained, columns, units)
    relaxation = solve_relaxation(core, steepest)
    scaled = np.where(relaxation.price > FREE * relaxation.price.sum(), relaxation.price, 0.0)
    price = scaled * units.gain / units.limit
    return Priced(price, constrained.read(price), core, relaxation, whole=False)


def _price_sample(constrained: ConstrainedInstance, units: Units) -> Floats:
    """Prices for a sample of the tasks with its share of every limit."""
    tasks = len(constrained.accuracy)
    chosen = np.sort(np.random.default_rng(0).permutation(tasks)[: tasks // SAMPLE_SHARE])
    return find_prices(constrained.sample(chosen), units, CLOSE_IN_SAMPLE).price


def _mark_cells(constrained: ConstrainedInstance, price: Floats, near: float, columns: Flags) -> None:
    """Mark every cell whose loss is at most `near`."""
    for block, reduced in constrained.blocks(price):
        columns[block] |= (reduced >= reduced.max(axis=1, keepdims=True) - near) & (reduced > -np.inf)
