"""MMLU-Pro: 12,032 queries in 14 categories, 31 models, five-shot chain-of-thought.

Source: github.com/TIGER-AI-Lab/MMLU-Pro, eval_results/model_outputs_*_5shots.zip. Licence: Apache-2.0.
"""

from pathlib import Path

from bench.datasets.long_form import read_rows, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable


def read_mmlu_pro(path: Path) -> OutcomeTable:
    """Costs are estimates from token counts and list prices, without the five examples in front of each question."""
    return tabulate_long_form(
        read_rows(path),
        name=path.stem,
        cost_column="est_cost_usd",
        notes=["the five examples of each prompt are not part of its cost"],
    )
