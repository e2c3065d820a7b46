"""LLMRouter's default data: 6,108 queries of 14 tasks, 9 open models.

Source: github.com/ulab-uiuc/LLMRouter, data/dcrouter_preprocessed and data/example_data. Licence: MIT.
"""

from pathlib import Path

from bench.datasets.long_form import read_rows, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable


def read_llmrouter(path: Path) -> OutcomeTable:
    """The source has no token counts: every query costs the mean of its model's list prices, as if a token each way."""
    rows = read_rows(path)
    cost = (rows["list_price_in_usd_per_mtok"] + rows["list_price_out_usd_per_mtok"]) / 2
    return tabulate_long_form(
        rows.assign(list_price=cost),
        name=path.stem,
        cost_column="list_price",
        unit="USD per million tokens",
        notes=["one price for all queries of a model"],
    )
