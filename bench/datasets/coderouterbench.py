"""CodeRouterBench, in-distribution part: 9,999 coding tasks, 8 frontier models (Agent-as-a-Router, 2026).

Source: github.com/LanceZPF/agent-as-a-router, data/coderouterbench/*.csv in long form. Licence: MIT; the texts come
from the original benchmarks (BigCodeBench Apache-2.0, HumanEval MIT, MBPP CC-BY-4.0, CRUXEval MIT, LiveCodeBench MIT).
"""

from pathlib import Path

from bench.datasets.long_form import read_rows, tabulate_long_form
from bench.datasets.outcome_table import OutcomeTable


def read_coderouterbench(path: Path) -> OutcomeTable:
    """Without the families on which every model scores 0, which are faults of the harness, and rows without a text.

    A cost that repeats exactly within a model and dimension was imputed by the source, so `est_cost_usd` is read: the
    measured cost where it is none of those, otherwise total tokens times the model's price a token.
    """
    rows = read_rows(path)
    rows = rows[~rows["family_all_zero"].astype(bool)]
    return tabulate_long_form(
        rows,
        name=path.stem,
        cost_column="est_cost_usd",
        notes=["families where every model scores 0 and queries without text are left out"],
    )
