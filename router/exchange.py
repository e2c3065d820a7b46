"""Better allocations by moving one task, or two at once, to other strategies."""

from typing import NamedTuple

import numpy as np

from router.compiled import compiled
from router.core import Core
from router.instance import Floats, Indices

CANDIDATES = 800  # moves of least loss that are tried, alone and in pairs
ROUNDS = 200


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
        _find_best_pair(moves.task, moves.gain, moves.use, left, pair)
        taken = pair[pair >= 0]
        if not len(taken):
            return
        chosen[moves.task[taken]] = moves.cell[taken]
        left -= moves.use[taken].sum(axis=0)


def _list_moves(core: Core, loss: Floats, chosen: Indices) -> _Moves:
    owner = core.owner
    lost = loss - loss[chosen][owner]
    lost[chosen] = np.inf
    count = min(CANDIDATES, len(lost) - len(chosen))
    cell = np.argpartition(lost, count - 1)[:count] if count else np.zeros(0, dtype=np.int64)
    cell = cell[np.lexsort((cell, lost[cell]))]
    task = owner[cell]
    old = chosen[task]
    use = np.zeros((len(cell), len(core.room) + 1))
    for layer in range(core.use.shape[1]):
        np.add.at(use, (np.arange(len(cell)), core.row[cell, layer]), core.use[cell, layer])
        np.add.at(use, (np.arange(len(cell)), core.row[old, layer]), -core.use[old, layer])
    return _Moves(task, cell, core.gain[cell] - core.gain[old], use[:, :-1])


@compiled
def _find_best_pair(task: Indices, gain: Floats, use: Floats, left: Floats, pair: Indices) -> None:
    """The one or two moves that gain most of those that fit."""
    moves, rows = use.shape
    most = 1e-13
    for one in range(moves):
        if gain[one] > most and (use[one] <= left).all():
            most, pair[0], pair[1] = gain[one], one, -1
        for other in range(one):
            if gain[one] + gain[other] <= most or task[one] == task[other]:
                continue
            fits = True
            for row in range(rows):
                if use[one, row] + use[other, row] > left[row]:
                    fits = False
                    break
            if fits:
                most, pair[0], pair[1] = gain[one] + gain[other], one, other
