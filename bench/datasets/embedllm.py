"""EmbedLLM (Zhuang et al. 2024, arXiv 2410.02223): some 36,000 questions, 112 open models, right or wrong.

Source: huggingface.co/datasets/RZ412/EmbedLLM, train.csv, val.csv and test.csv, each a data set of its own here; put
those wanted in the folder as they are. Columns: prompt_id, model_id, category_id, label, prompt, model_name, category.
Licence: Apache-2.0 by the set's card; the questions come from public benchmarks with licences of their own.
"""

import re

import numpy as np
import pandas as pd

from bench.datasets.long_form import has_text, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable

COLUMNS = {"prompt_id", "model_name", "label", "prompt", "category"}
BILLIONS = re.compile(r"(\d+(?:\.\d+)?)[bB](?![a-zA-Z])")
EXPERTS = re.compile(r"(\d+)x(\d+(?:\.\d+)?)[bB](?![a-zA-Z])")


def is_embedllm(columns: set[str]) -> bool:
    """Whether a file with these columns is such a dump."""
    return columns >= COLUMNS


def read_embedllm(frame: pd.DataFrame, *, name: str) -> OutcomeTable:
    """The source has no costs: a query costs its model's billions of parameters, as far as the model's name says them.

    Models whose name does not say have no cost, and drop out of a complete table.
    """
    rows = frame[has_text(frame["prompt"])].rename(
        columns={
            "prompt_id": "query_id",
            "prompt": "query_text",
            "model_name": "strategy",
            "label": "correct",
            "category": "task_category",
        }
    )
    sizes = {model: parameters_billion(str(model)) for model in rows["strategy"].unique()}
    return tabulate_long_form(
        rows.assign(parameters=rows["strategy"].map(sizes)),
        name=name,
        cost_column="parameters",
        unit="billion parameters",
        notes=["a query costs its model's size"],
    )


def parameters_billion(model: str) -> float:
    """The size in a model's name, NaN when it has none; `8x7B` counts every expert."""
    experts = EXPERTS.search(model)
    if experts:
        return float(experts[1]) * float(experts[2])
    size = BILLIONS.search(model)
    return float(size[1]) if size else np.nan
