"""How much a job explores: settled when it is planned, and kept with it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from router.outcome_need import find_need, find_points, find_share

OFF = "off"
MOST_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class ExplorationTerms:
    """What exploring may cost, and what there is to learn."""

    share: float  # of the money that its windows are planned with, held back for it; above 0 and below 1
    points: float  # of accuracy that may be given up: right answers in a hundred tasks, as predicted
    need: tuple[float, ...]  # of each strategy in the job's order, as `router.outcome_need` has it

    @property
    def beside(self) -> float:
        """What may be explored with for each quantum that is planned with."""
        return self.share / (1 - self.share)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ExplorationTerms":
        """What `to_json` wrote."""
        return cls(**{**value, "need": tuple(value["need"])})


def parse_exploration(text: str) -> float:
    """The share of the money that is explored with, from "5%", "0.05" or "off"; ValueError says how it is written."""
    stated = text.strip()
    try:
        share = 0.0 if stated.lower() == OFF else float(stated.removesuffix("%")) / (100 if stated.endswith("%") else 1)
    except ValueError:
        share = math.nan
    if not 0 <= share <= MOST_SHARE:
        raise ValueError(f'{text!r}: write "{OFF}", or a share of the money up to {MOST_SHARE:.0%}, such as "5%"')
    return share


def settle_exploration(share: float, *, outcomes: Sequence[int]) -> ExplorationTerms | None:
    """The terms under a share of the money, which shrinks with the outcomes that strategies' predictors learnt from.

    None where nothing is explored: the share is 0, or there is nothing to choose from.
    """
    if not share or len(outcomes) < 2:
        return None
    need = find_need(np.array(outcomes))
    return ExplorationTerms(share=find_share(share, need), points=find_points(need), need=tuple(need.tolist()))
