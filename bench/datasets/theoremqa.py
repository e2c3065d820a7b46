"""TheoremQA: 800 questions, 5 models with chain-of-thought and program-of-thought, and some others.

Source: github.com/wenhuchen/TheoremQA, history of outputs/*.jsonl.corrected. Licence: MIT.
"""

from pathlib import Path

from bench.datasets.long_form import read_rows, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable

# USD per million tokens (input, output): what OpenAI and Anthropic listed in mid-2023, when the answers were made.
LIST_PRICES = {
    "GPT4": (30.0, 60.0),
    "ChatGPT": (1.5, 2.0),
    "GPT3.5": (20.0, 20.0),
    "GPT3": (20.0, 20.0),
    "claude-v1": (11.02, 32.68),
    "claude-v2": (11.02, 32.68),
    "claude-instant-v1": (1.63, 5.51),
}
CHARACTERS_PER_TOKEN = 4


def read_theoremqa(path: Path) -> OutcomeTable:
    """The source has no costs: estimated from output tokens, question length and list prices, where there is one."""
    rows = read_rows(path)
    rows = rows[rows["model"].isin(LIST_PRICES)]
    price_in, price_out = (rows["model"].map({m: pair[side] for m, pair in LIST_PRICES.items()}) for side in (0, 1))
    input_tokens = rows["query_text"].str.len() / CHARACTERS_PER_TOKEN
    cost = (input_tokens * price_in + rows["est_output_tokens"].astype("float64") * price_out) / 1e6
    return tabulate_long_form(
        rows.assign(list_price_cost=cost),
        name=path.stem,
        cost_column="list_price_cost",
        notes=["models without a list price are left out"],
    )
