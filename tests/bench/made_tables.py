"""Outcome tables whose every cell is made up."""

import numpy as np
from numpy.typing import NDArray

from bench.datasets.outcome_table import Cells, OutcomeTable


def make_table(correct: Cells, *, category: NDArray[np.str_]) -> OutcomeTable:
    """A cheap strategy and a dear one: correctness (queries, 2) and kinds (queries,); the texts say nothing."""
    queries = len(correct)
    unknown = np.full(correct.shape, np.nan)
    return OutcomeTable(
        name="made",
        texts=[f"text {number:03}" for number in range(queries)],
        groups=np.arange(queries).astype(np.str_),
        category=category,
        strategies=["cheap", "dear"],
        correct=correct,
        cost=np.tile([1.0, 4.0], (queries, 1)),
        input_tokens=unknown,
        output_tokens=unknown,
        unit="USD",
    )
