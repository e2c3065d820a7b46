"""From the prices of the relaxation to a choice within all limits, and for few tasks to the best one."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from router.constrained.column_generation import Priced
from router.constrained.core import Core
from router.constrained.enumeration import enumerate_choices
from router.constrained.exchange import exchange
from router.constrained.instance import ConstrainedInstance
from router.constrained.rounding import repair, round_shares
from router.instance import Floats, Indices

TOLERANCE = 1e-12  # a gap below this share of the accuracy is rounding
ATTEMPTS = 12  # at sums that round past a limit


class Found(NamedTuple):
    """What the search for a choice ended with."""

    choice: Indices | None  # (tasks,) within all limits, however its uses are summed
    upper_bound: float  # of every choice, where all of them were tried; else infinite
    tried_all: bool


class _Trial(NamedTuple):
    """One attempt at a choice."""

    chosen: Indices | None  # (open tasks,) its cells
    tried_all: bool  # whether no choice within the room of this attempt is better


def find_choice(constrained: ConstrainedInstance, priced: Priced) -> Found:
    """An accurate choice within all limits; the best one, where all can be tried.

    The first attempt may pass the limits by a few rounding errors, so that its bound holds for whatever sums to them;
    if its sums do pass one, the next attempts leave a margin there.
    """
    core, limits = priced.core, constrained.rows.limit
    loss = core.find_losses(priced.price * core.units.limit / core.units.gain)
    chosen = round_shares(core, priced.relaxation.share)
    margin = -8 * np.spacing(limits)
    trial = _try_room(priced, loss, chosen, core.room - margin / core.units.limit)
    first = _conclude(constrained, core, trial)
    for _ in range(ATTEMPTS):
        if trial.chosen is None:
            break
        choice = core.complete(trial.chosen)
        excess = constrained.use_of(choice) - limits
        if (excess <= 0).all():
            return first._replace(choice=choice)
        margin = np.where(excess > 0, np.maximum(2 * margin, 2 * excess), margin)
        trial = _try_room(priced, loss, trial.chosen, core.room - margin / core.units.limit)
    return first


def _try_room(priced: Priced, loss: Floats, start: Indices, room: Floats) -> _Trial:
    """Repair a choice, exchange, and try all others where there are few; None where nothing fits."""
    core = replace(priced.core, room=room)
    price = priced.price * core.units.limit / core.units.gain
    chosen = start.copy()
    left = repair(core, loss, chosen)
    fits = bool((left >= 0).all())
    if fits:
        exchange(core, loss, chosen, left)
    if not priced.whole:
        return _Trial(chosen if fits else None, tried_all=False)
    deficit = float(loss[chosen].sum() + price @ left) if fits else math.inf
    tolerance = TOLERANCE / 2 * float(np.abs(core.gain[chosen]).sum())
    tried = enumerate_choices(core, loss, price, deficit - tolerance)
    if len(tried.chosen):
        return _Trial(tried.chosen, tried.complete)
    return _Trial(chosen if fits else None, tried.complete)


def _conclude(constrained: ConstrainedInstance, core: Core, trial: _Trial) -> Found:
    """What the first attempt says of every choice."""
    upper_bound = math.inf
    if trial.tried_all and trial.chosen is not None:
        gains = constrained.gains_of(core.complete(trial.chosen))
        upper_bound = float(gains.sum()) + TOLERANCE / 2 * float(np.abs(gains).sum())
    return Found(None, upper_bound, trial.tried_all and trial.chosen is None)
