"""A bench's result: numbers beside their goals."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One measured number beside its goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool

    def to_json(self) -> dict[str, object]:
        """As JSON values, which know no infinity: null where there is no number."""
        return {**self._asdict(), "value": self.value if math.isfinite(self.value) else None}


def print_figures(figures: Sequence[Figure], *, as_json: bool) -> None:
    """Say how many goals are met and which are not; with `as_json`, all of it as the last line."""
    missed = [figure.name for figure in figures if not figure.met]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals met" + (f"; missed: {missed}" if missed else ""))
    if as_json:
        print(json.dumps({"figures": [figure.to_json() for figure in figures]}))
