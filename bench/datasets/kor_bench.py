"""KOR-Bench (knowledge-orthogonal reasoning): 1,250 queries in 5 categories, 62 strategies.

Source: github.com/KOR-Bench/KOR-Bench, eval/results/0923_main. Licence: Apache-2.0. Costs are token counts of the
stored outputs times list prices.
"""

from pathlib import Path

from bench.datasets.long_form import read_rows, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable


def read_kor_bench(path: Path) -> OutcomeTable:
    """Ten queries share a rule, whose text is most of the prompt: they are split by rule."""
    return tabulate_long_form(
        read_rows(path), name=path.stem, group_columns=("task_category", "rule_id"), notes=["split by rule"]
    )
