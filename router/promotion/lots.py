"""Lots of a trial: which tasks of a window go to the challenger's choice instead of the champion's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.allocation import DEFERRED


@dataclass(frozen=True, kw_only=True, eq=False)
class Lots:
    """What the lots decided for a window's tasks (n,)."""

    choice: NDArray[np.int64]
    on_trial: NDArray[np.bool_]  # the two disagreed, and the task takes part
    challenged: NDArray[np.bool_]  # of those, the challenger's choice was drawn


def draw_lots(
    champion: NDArray[np.int64], challenger: NDArray[np.int64], *, share: float, seed: int | Sequence[int]
) -> Lots:
    """Of the tasks that both would serve, and differently, `share` take part and half of those go to the challenger.

    Equal seeds draw alike, whatever the choices: what one task gets tells nothing of another's.
    """
    taken, side = np.random.default_rng(seed).random((2, len(champion)))
    apart = (champion != challenger) & (champion != DEFERRED) & (challenger != DEFERRED)
    on_trial = apart & (taken < share)
    challenged = on_trial & (side < 0.5)
    return Lots(choice=np.where(challenged, challenger, champion), on_trial=on_trial, challenged=challenged)


def mix_propensities(
    propensity: NDArray[np.float32],
    *,
    champion: NDArray[np.int64],
    challenger: NDArray[np.int64],
    share: float,
) -> NDArray[np.float32]:
    """(tasks, strategies) the chances that each had before any lot was drawn.

    `propensity` are those of tasks that take no part (exploration around the champion's choice). Who takes part is not
    explored as well, so that a trial compares two choices and nothing else.
    """
    apart = (champion != challenger) & (champion != DEFERRED) & (challenger != DEFERRED)
    rows = np.flatnonzero(apart)
    mixed = propensity.copy()
    mixed[rows] *= np.float32(1 - share)
    mixed[rows, champion[rows]] += np.float32(share / 2)
    mixed[rows, challenger[rows]] += np.float32(share / 2)
    return mixed
