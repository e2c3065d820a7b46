"""What the product's predictor decides on each encoder's vectors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.datasets.outcome_table import OutcomeTable
from bench.decision_inputs import Embedded
from bench.decision_measure import measure
from bench.decision_summary import DatasetResult
from bench.encoder_candidates import DEFAULT
from bench.figures import Figure
from bench.paired_bootstrap import Interval, average_intervals
from bench.splits import Split
from router.baselines.outcomes import Estimates, Fit, Outcomes, Predict, Rows, Tasks
from router.baselines.trained_pairs import fit_trained_pairs

FloatArray = NDArray[np.float32]


def measure_encoders(
    table: OutcomeTable, vectors: Mapping[str, FloatArray], splits: Sequence[Split], *, mean_costs: bool
) -> DatasetResult:
    """The product's predictor on vectors (queries, d of each) by name; differences are from the default's."""
    ends = np.cumsum([part.shape[1] for part in vectors.values()])
    parts = {name: slice(end - part.shape[1], end) for (name, part), end in zip(vectors.items(), ends, strict=True)}
    methods = {name: read_part(fit_trained_pairs, part) for name, part in parts.items()}
    given = Embedded(table, np.concatenate(list(vectors.values()), axis=1))
    return measure(given, splits, methods, own=DEFAULT, mean_costs=mean_costs)


def read_part(fit: Fit, part: slice) -> Fit:
    """The same method, which sees some columns of the embeddings only."""

    def cut(rows: Rows) -> Rows:
        return rows._replace(embeddings=np.ascontiguousarray(rows.embeddings[:, part]))

    def fit_part(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
        predict = fit(cut(train), cut(validation), seed)

        def predict_part(tasks: Tasks) -> Estimates:
            return predict(cut(tasks))

        return predict_part

    return fit_part


class Differences(NamedTuple):
    """Of the default and another encoder, means over data sets; above 0 the default is better."""

    area: Interval  # the default's less the other's
    brier: Interval  # the other's less the default's


def average_differences(results: Sequence[DatasetResult], name: str) -> Differences:
    """How far the default is ahead of another encoder; one training a split, whose luck the intervals leave out."""
    summaries = [result.summaries[name] for result in results]
    area, brier = (
        average_intervals([interval for interval in behind if interval is not None])
        for behind in ([own.area_behind for own in summaries], [own.brier_behind for own in summaries])
    )
    return Differences(area, brier)


def compare_with_goals(results: Sequence[DatasetResult], speeds: Mapping[str, float]) -> list[Figure]:
    """What has to hold for the default to stay it, and what encoders cost: texts a CPU second by name."""
    faster = [name for name in speeds if speeds[name] > speeds[DEFAULT]]
    figures = [
        Figure(f"{name}, throughput", speed, "texts a CPU second", "stated", True) for name, speed in speeds.items()
    ]
    for name in faster:
        area = average_differences(results, name).area
        goal = "not below 0 (95 %)"
        figures.append(Figure(f"default's mean area less: {name}", area.mean, "area", goal, area.high >= 0))
    not_worse = [all(_is_not_worse(result, name) for name in faster) for result in results]
    wanted = f">= {len(results)}"
    figures.append(Figure("no faster encoder decides better", sum(not_worse), "sets", wanted, all(not_worse)))
    return figures


def _is_not_worse(result: DatasetResult, name: str) -> bool:
    """Whether the default is not significantly behind, in area and in Brier score."""
    behind = [result.summaries[name].area_behind, result.summaries[name].brier_behind]
    return all(interval is not None and interval.high >= 0 for interval in behind)
