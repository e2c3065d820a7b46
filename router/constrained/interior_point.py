"""The linear relaxation over a core, by a primal-dual interior-point method.

Maximise gain . x - cap . excess subject to x >= 0, one unit of x for each task, and use . x + slack - excess = room.
Its dual has a price for each row, between 0 and the cap. The excess makes every instance feasible: where it stays
positive, no shares of strategies meet all limits. Mehrotra 1992; the task rows are eliminated from each Newton step, so
that what is left to solve has the size of the limits.
"""

from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.constrained.core import Cells, Core
from router.instance import Floats

STEPS = 80
CLOSE = 1e-11  # complementarity left, as a share of the objective
BACK_OFF = 0.9995  # share of the way to the nearest bound that a step goes


class Relaxation(NamedTuple):
    """The optimum of the relaxation, in the units of the core."""

    share: Floats  # (cells,) how much of each task goes to each strategy
    price: Floats  # (rows,)
    excess: Floats  # (rows,) by how much the limits are passed
    value: float  # its bound: sum of each task's best reduced gain + price . room


def solve_relaxation(core: Core, cap: Floats) -> Relaxation:
    """Shares and prices that are optimal up to rounding; cap (rows,) > 0."""
    point = _Point(core, cap)
    for _ in range(STEPS):
        if not point.advance():
            break
    price = np.clip(point.price, 0.0, cap)
    value = float(core.max_tasks(core.gain - core.price_cells(price)).sum() + price @ core.room)
    return Relaxation(point.share, price, point.excess, value)


class _Direction(NamedTuple):
    """A Newton step."""

    share: Floats  # (cells,)
    slack: Floats  # (rows,)
    excess: Floats  # (rows,)
    reduced: Floats  # (cells,)
    price: Floats  # (rows,)


class _Point:
    """A strictly feasible pair of primal and dual solutions.

    Each of share/reduced, slack/price and excess/(cap - price) has a product that is to become 0.
    """

    def __init__(self, core: Core, cap: Floats) -> None:
        self.core, self.cap, self.owner = core, cap, core.owner
        self.share = (1.0 / np.diff(core.cells.start))[self.owner]
        missing = core.room - core.sum_rows(self.share)
        self.slack = np.maximum(missing, 0.0) + 0.1
        self.excess = self.slack - missing
        self.price = np.minimum(0.1 * len(core.task), cap / 2)
        reduced = core.gain - core.price_cells(self.price)
        self.reduced = (core.max_tasks(reduced) + 0.1)[self.owner] - reduced
        self.products = len(core.gain) + 2 * len(core.room)

    def advance(self) -> bool:
        """One predictor and corrector step; False once there is nothing left to gain."""
        total = self._complementarity(self.share, self.slack, self.excess, self.reduced, self.price)
        if total <= CLOSE * (1 + len(self.core.task)):
            return False
        factors = self._factor()
        if factors is None:
            return False
        straight = self._solve(
            factors, -self.share * self.reduced, -self.slack * self.price, -self.excess * self._rest()
        )
        ahead = self._complementarity(*self._moved(straight, *self._step_lengths(straight, 1.0)))
        centre = (ahead / total) ** 3 * total / self.products
        direction = self._solve(
            factors,
            centre - self.share * self.reduced - straight.share * straight.reduced,
            centre - self.slack * self.price - straight.slack * straight.price,
            centre - self.excess * self._rest() + straight.excess * straight.price,
        )
        lengths = self._step_lengths(direction, BACK_OFF)
        moved = self._moved(direction, *lengths)
        self.share, self.slack, self.excess, self.reduced, self.price = moved
        return max(lengths) > 1e-6

    def _rest(self) -> Floats:
        return np.asarray(np.maximum(self.cap - self.price, 1e-15 * self.cap))

    def _complementarity(self, share: Floats, slack: Floats, excess: Floats, reduced: Floats, price: Floats) -> float:
        return float((share * reduced).sum() + (slack * price).sum() + (excess * (self.cap - price)).sum())

    def _moved(self, way: _Direction, primal: float, dual: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        return (
            self.share + primal * way.share,
            self.slack + primal * way.slack,
            self.excess + primal * way.excess,
            self.reduced + dual * way.reduced,
            self.price + dual * way.price,
        )

    def _step_lengths(self, way: _Direction, share: float) -> tuple[float, float]:
        """How far the primal and the dual solution can go and stay positive."""
        primal = [(self.share, way.share), (self.slack, way.slack), (self.excess, way.excess)]
        dual = [(self.reduced, way.reduced), (self.price, way.price), (self.cap - self.price, -way.price)]
        to_zero = (min(_room_to_zero(value, change) for value, change in pairs) for pairs in (primal, dual))
        lengths = [min(1.0, share * length) for length in to_zero]
        return lengths[0], lengths[1]

    def _factor(self) -> "_Factors | None":
        ratio = self.share / self.reduced
        total = self.core.sum_tasks(ratio)
        rows = len(self.core.room)
        normal = np.zeros((rows + 1, rows + 1))
        _add_normal(self.core.cells, ratio, total, normal)
        square = (normal + normal.T)[:rows, :rows]
        square += np.diag(self.slack / self.price + self.excess / self._rest())
        size = np.sqrt(np.diag(square))
        try:
            lower = np.asarray(
                np.linalg.cholesky(square / np.outer(size, size) + 1e-14 * np.eye(rows)), dtype=np.float64
            )
        except np.linalg.LinAlgError:
            return None
        return _Factors(ratio, total, size, lower)

    def _solve(self, factors: "_Factors", for_share: Floats, for_slack: Floats, for_excess: Floats) -> _Direction:
        """The step after which the products change by these amounts, to first order."""
        core, owner, ratio = self.core, self.owner, factors.ratio
        aimed = for_share / self.reduced
        per_task = core.sum_tasks(aimed) / factors.total
        right = core.sum_rows(aimed - ratio * per_task[owner]) + for_slack / self.price - for_excess / self._rest()
        half = np.linalg.solve(factors.lower, right / factors.size)
        price = np.linalg.solve(factors.lower.T, half) / factors.size
        charge = core.price_cells(price)
        level = per_task - core.sum_tasks(ratio * charge) / factors.total
        reduced = level[owner] + charge
        return _Direction(
            share=aimed - ratio * reduced,
            slack=(for_slack - self.slack * price) / self.price,
            excess=(for_excess + self.excess * price) / self._rest(),
            reduced=reduced,
            price=price,
        )


class _Factors(NamedTuple):
    """The Newton matrix of one point, ready to be solved with."""

    ratio: Floats  # (cells,) share / reduced
    total: Floats  # (open tasks,) its sum over each task's cells
    size: Floats  # (rows,) by which the matrix was scaled
    lower: Floats  # (rows, rows) Cholesky factor


def _room_to_zero(value: Floats, change: Floats) -> float:
    falling = change < 0
    return float((value[falling] / -change[falling]).min(initial=np.inf))


@compiled
def _add_normal(cells: Cells, ratio: Floats, total: Floats, out: Floats) -> None:
    """Half of sum over tasks of sum_j d u u' - (sum_j d u)(sum_j d u)' / sum_j d: with its transpose, all of it.

    u is a cell's use less that of the task's cell with the largest d: with d over twenty orders of magnitude, the
    difference would be lost in what cancels.
    """
    start, use, row = cells
    layers = use.shape[1]
    mean, known = np.zeros(len(out)), np.zeros(len(out), dtype=np.bool_)
    touched, at, amount = np.empty(len(out), np.int64), np.empty(2 * layers, np.int64), np.empty(2 * layers)
    for task in range(len(start) - 1):
        main = start[task] + np.argmax(ratio[start[task] : start[task + 1]])
        at[layers:], amount[layers:] = row[main], -use[main]
        count = 0
        for cell in range(start[task], start[task + 1]):
            if cell == main or ratio[cell] < 1e-16 * ratio[main]:
                continue
            at[:layers], amount[:layers] = row[cell], use[cell]
            for one in range(2 * layers):
                if not known[at[one]]:
                    known[at[one]], touched[count] = True, at[one]
                    count += 1
                mean[at[one]] += ratio[cell] * amount[one]
                weighted = ratio[cell] * amount[one]
                for other in range(one):
                    out[at[one], at[other]] += weighted * amount[other]
                out[at[one], at[one]] += weighted * amount[one] / 2
        for one in range(count):
            known[touched[one]] = False
            weighted = mean[touched[one]] / total[task]
            for other in range(one):
                out[touched[one], touched[other]] -= weighted * mean[touched[other]]
            out[touched[one], touched[one]] -= weighted * mean[touched[one]] / 2
        mean[touched[:count]] = 0.0
