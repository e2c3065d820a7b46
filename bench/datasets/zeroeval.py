"""ZeroEval: GSM8K, MATH level 5 and CRUX output prediction, 2,840 queries, 29 models on all of them.

Source: github.com/WildEval/ZeroEval, result_dirs. Licence: Apache-2.0. Costs are token counts of the stored outputs
times list prices.
"""

from pathlib import Path

from bench.datasets.long_form import read_rows, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable


def read_zeroeval(path: Path) -> OutcomeTable:
    """The models that answered every query; the others were run on parts that differ in difficulty."""
    rows = read_rows(path)
    return tabulate_long_form(
        rows[rows["in_full_matrix"].astype(bool)], name=path.stem, notes=["only models that answered all three parts"]
    )
