"""Several methods on several splits of one data set."""

from collections.abc import Mapping, Sequence

from bench.decision_inputs import Embedded, tell
from bench.decision_run import Run, prepare_trial, run_method
from bench.decision_summary import DatasetResult, summarise
from bench.splits import Split
from router.baselines.outcomes import Fit


def measure(
    given: Embedded, splits: Sequence[Split], methods: Mapping[str, Fit], *, own: str | None, mean_costs: bool
) -> DatasetResult:
    """Every method on every split; a split's number is the seed of what is trained on it."""
    trials, runs = [], {name: list[Run]() for name in methods}
    for seed, split in enumerate(splits):
        trials.append(prepare_trial(given.table, given.embeddings, split, mean_costs=mean_costs))
        for name, fit in methods.items():
            tell(f"{given.table.name}: split {seed + 1} of {len(splits)}, {name}")
            runs[name].append(run_method(fit, trials[-1], seed=seed))
    return summarise(given.table, trials, runs, own=own)
