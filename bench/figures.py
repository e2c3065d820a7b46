"""A bench's result: numbers beside their goals."""

import json
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One measured number beside its goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool


def print_figures(figures: Sequence[Figure], *, as_json: bool) -> None:
    """Say how many goals are met and which are not; with `as_json`, all of it as the last line."""
    missed = [figure.name for figure in figures if not figure.met]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals met" + (f"; missed: {missed}" if missed else ""))
    if as_json:
        print(json.dumps({"figures": [figure._asdict() for figure in figures]}))
