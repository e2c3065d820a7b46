"""The page on outcome tables, followed to the letter: a made-up table, and a router idea in one file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.registry import read_folder
from bench.decision_inputs import Embedded
from bench.decision_measure import measure
from bench.splits import split_by_group
from router.baselines.registry import METHODS
from tests.guide.pages import DOCS, read_blocks

PAGE = DOCS / "outcome-tables.md"


def run_file(name: str) -> dict[str, Any]:
    """What a file of the page defines when it is run in the current folder."""
    (block,) = (block for block in read_blocks(PAGE) if block.title == name)
    defined: dict[str, Any] = {}
    exec(compile(block.text, name, "exec"), defined)  # the page's own code
    return defined


def test_the_table_and_the_router_of_the_page_run_beside_the_baselines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_file("write_table.py")
    (table,) = (table.complete() for table in read_folder(tmp_path / "tables"))
    assert (table.name, len(table), list(table.strategies)) == ("my_table", 300, ["large", "middle", "small"])
    nothing = np.zeros((len(table), 2), dtype=np.float32)  # this router reads features alone
    methods = {name: METHODS[name].fit for name in ("constant", "category means", "oracle")}
    methods["length means"] = run_file("length_means.py")["fit_length_means"]
    splits = [split_by_group(table.groups, seed=seed) for seed in range(2)]
    areas = {
        name: summary.area
        for name, summary in measure(
            Embedded(table, nothing), splits, methods, own=None, mean_costs=False
        ).summaries.items()
    }
    assert areas["constant"] < areas["length means"] < areas["oracle"]  # proofs are longer than sums here
    assert areas["length means"] == pytest.approx(areas["category means"], abs=0.03)
    assert METHODS.keys().isdisjoint({"length means"})
