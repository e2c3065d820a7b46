"""RouterBench (Hu et al. 2024, arXiv 2403.12031): some 36,000 prompts, 11 models, USD per call.

Source: huggingface.co/datasets/withmartian/routerbench. It is published as a pickle, which is never opened here since
that would execute what is in it; convert it once, where you trust it, to CSV or parquet. Columns: sample_id, prompt,
eval_name, and for each model `<model>`, `<model>|model_response`, `<model>|total_cost`. Licence: see the source.
"""

import numpy as np
import pandas as pd

from bench.datasets.outcome_table import OutcomeTable

COST = "|total_cost"


def is_routerbench(columns: set[str]) -> bool:
    """Whether a file with these columns is such a dump."""
    return {"sample_id", "prompt", "eval_name"} <= columns and any(column.endswith(COST) for column in columns)


def read_routerbench(frame: pd.DataFrame, *, name: str) -> OutcomeTable:
    """One query for each row; the category is the part of `eval_name` before a dot."""
    strategies = sorted(column.removesuffix(COST) for column in frame if column.endswith(COST))
    unknown = np.full((len(frame), len(strategies)), np.nan)
    texts = frame["prompt"].astype(str)
    return OutcomeTable(
        name=name,
        texts=texts.tolist(),
        groups=texts.to_numpy(dtype=np.str_),
        category=frame["eval_name"].astype(str).str.partition(".")[0].to_numpy(dtype=np.str_),
        strategies=strategies,
        correct=frame[strategies].to_numpy(dtype=np.float64),
        cost=frame[[strategy + COST for strategy in strategies]].to_numpy(dtype=np.float64),
        input_tokens=unknown,
        output_tokens=unknown,
        unit="USD",
    )
