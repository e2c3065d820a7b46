"""RouterBench (Hu et al. 2024, arXiv 2403.12031): some 36,000 prompts, 11 models, USD per call.

Source: huggingface.co/datasets/withmartian/routerbench. It is published as a pickle, which is never opened here since
that would execute what is in it; convert it once, where you trust it, to CSV or parquet. Columns: sample_id, prompt,
eval_name, and for each model `<model>`, `<model>|model_response`, `<model>|total_cost`. Licence: neither the set's card
nor the repository github.com/withmartian/routerbench names one; the prompts come from public benchmarks.

The sample `routerbench_0shot_sample` (365 prompts) is research/problems/llm_router/resources/reference_data.csv of
github.com/FrontierCS/Frontier-CS (MIT), written as a table of docs/outcome-tables.md.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.datasets.errors import DatasetError
from bench.datasets.long_form import has_text, to_numbers
from bench.datasets.outcome_table import OutcomeTable

COST = "|total_cost"


def is_routerbench(columns: set[str]) -> bool:
    """Whether a file with these columns is such a dump."""
    return {"sample_id", "prompt", "eval_name"} <= columns and any(column.endswith(COST) for column in columns)


def read_routerbench(frame: pd.DataFrame, *, name: str) -> OutcomeTable:
    """One query for each row; the category is the part of `eval_name` before a dot."""
    strategies = sorted(column.removesuffix(COST) for column in frame if column.endswith(COST))
    absent = set(strategies) - set(frame)
    if absent:
        raise DatasetError(f"{name} has costs but no column {', '.join(sorted(absent))}: get the whole dump")
    frame = frame[has_text(frame["prompt"])]
    unknown = np.full((len(frame), len(strategies)), np.nan)
    texts = frame["prompt"].astype(str)

    def numbers(columns: Sequence[str]) -> NDArray[np.float64]:
        cells = [to_numbers(frame[column], frame["sample_id"], table=name) for column in columns]
        return np.stack(cells, axis=1)

    return OutcomeTable(
        name=name,
        texts=texts.tolist(),
        groups=texts.to_numpy(dtype=np.str_),
        category=frame["eval_name"].astype(str).str.partition(".")[0].to_numpy(dtype=np.str_),
        strategies=strategies,
        correct=numbers(strategies),
        cost=numbers([strategy + COST for strategy in strategies]),
        input_tokens=unknown,
        output_tokens=unknown,
        unit="USD",
    )
