"""SPROUT (Somerstep et al. 2025, CARROT, arXiv 2502.03261): some 44,000 prompts, 13 models, score and token counts.

Source: huggingface.co/datasets/CARROT-LLM-Routing/SPROUT, parquet. Columns: key, dataset, dataset_level, dataset_idx,
prompt, golden_answer, and for each model one structure with score, num_input_tokens and num_output_tokens among its
fields. Licence: see the source.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.datasets.long_form import has_text
from bench.datasets.outcome_table import OutcomeTable

DESCRIPTION = {"key", "dataset", "dataset_level", "dataset_idx", "prompt", "golden_answer"}
# USD per million tokens (input, output), after CARROT's carrot/constants.py.
PRICES = {
    "aws-claude-3-5-sonnet-v1": (3.0, 15.0),
    "aws-titan-text-premier-v1": (0.8, 3.2),
    "openai-gpt-4o": (2.5, 10.0),
    "openai-gpt-4o-mini": (0.15, 0.6),
    "wxai-granite-3-2b-instruct-8k-max-tokens": (0.1, 0.1),
    "wxai-granite-3-8b-instruct-8k-max-tokens": (0.2, 0.2),
    "wxai-llama-3-1-70b-instruct": (0.9, 0.9),
    "wxai-llama-3-1-8b-instruct": (0.2, 0.2),
    "wxai-llama-3-2-1b-instruct": (0.06, 0.06),
    "wxai-llama-3-2-3b-instruct": (0.06, 0.06),
    "wxai-llama-3-3-70b-instruct": (0.9, 0.9),
    "wxai-llama-3-405b-instruct": (3.5, 3.5),
    "wxai-mixtral-8x7b-instruct-v01": (0.6, 0.6),
}


def is_sprout(columns: set[str]) -> bool:
    """Whether a file with these columns is such a dump."""
    return {"prompt", "golden_answer", "dataset"} <= columns and bool(columns & PRICES.keys())


def read_sprout(frame: pd.DataFrame, *, name: str) -> OutcomeTable:
    """One query for each row; models without a price in the table above have no cost."""
    frame = frame[has_text(frame["prompt"])]
    strategies = sorted(set(frame.columns) - DESCRIPTION)
    correct, input_tokens, output_tokens = (
        np.column_stack([_field(frame[strategy], field) for strategy in strategies])
        for field in ("score", "num_input_tokens", "num_output_tokens")
    )
    prices = np.array([PRICES.get(strategy, (np.nan, np.nan)) for strategy in strategies])  # (strategies, 2)
    texts = frame["prompt"].astype(str)
    return OutcomeTable(
        name=name,
        texts=texts.tolist(),
        groups=texts.to_numpy(dtype=np.str_),
        category=frame["dataset"].astype(str).to_numpy(dtype=np.str_),
        strategies=strategies,
        correct=correct,
        cost=(input_tokens * prices[:, 0] + output_tokens * prices[:, 1]) / 1e6,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        unit="USD",
        notes=["costs are the source's token counts times list prices"],
    )


def _field(cells: pd.Series, field: str) -> NDArray[np.float64]:
    values = [cell.get(field) if isinstance(cell, Mapping) else None for cell in cells.tolist()]
    return np.array([np.nan if value is None else float(value) for value in values])
