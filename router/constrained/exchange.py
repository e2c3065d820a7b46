"""Better choices by moving one task, or two at once, to other strategies."""

from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.constrained.core import Core
from router.instance import Floats, Indices

CANDIDATES = 800  # moves of least loss that are tried, alone and in pairs
ROUNDS = 200
LEAST_GAIN = 1e-13  # in the units of the core; less is rounding


class _Moves(NamedTuple):
    """Moves of a task to another of its cells, those of least loss first."""

    task: Indices  # (moves,) position of the task
    cell: Indices  # (moves,) where it goes
    gain: Floats  # (moves,)
    use: Floats  # (moves, rows) what it uses more


def exchange(core: Core, loss: Floats, chosen: Indices, left: Floats) -> None:
    """Raise the accuracy of a choice within what is left of the limits. Changes `chosen` and `left`."""
    for _ in range(ROUNDS):
        moves = _list_moves(core, loss, chosen)
        pair = np.array([-1, -1])
        _find_best_pair(moves, left, pair)
        taken = pair[pair >= 0]
        if not len(taken):
            return
        chosen[moves.task[taken]] = moves.cell[taken]
        left -= moves.use[taken].sum(axis=0)


def _list_moves(core: Core, loss: Floats, chosen: Indices) -> _Moves:
    lost = loss - loss[chosen][core.owner]
    lost[chosen] = np.inf
    count = min(CANDIDATES, len(lost) - len(chosen))
    cell = np.argpartition(lost, count - 1)[:count] if count else np.zeros(0, dtype=np.int64)
    cell = cell[np.lexsort((cell, lost[cell]))]
    task = core.owner[cell]
    old = chosen[task]
    return _Moves(task, cell, core.gain[cell] - core.gain[old], core.spread_uses(cell) - core.spread_uses(old))


@compiled
def _find_best_pair(moves: _Moves, left: Floats, pair: Indices) -> None:
    """The one or two moves that gain most of those that fit."""
    count, rows = moves.use.shape
    most = LEAST_GAIN
    for one in range(count):
        if moves.gain[one] > most and (moves.use[one] <= left).all():
            most, pair[0], pair[1] = moves.gain[one], one, -1
        for other in range(one):
            gain = moves.gain[one] + moves.gain[other]
            if gain <= most or moves.task[one] == moves.task[other]:
                continue
            fits = True
            for row in range(rows):
                if moves.use[one, row] + moves.use[other, row] > left[row]:
                    fits = False
                    break
            if fits:
                most, pair[0], pair[1] = gain, one, other
