"""Prints how fast strategies that nobody has seen become useful: a few probes each, nothing else trained.

    python -m bench.cold_start [--data FOLDER] [--datasets NAME ...] [--probes N ...] [--seeds N] [--quick] [--json]

Half of the strategies, drawn by the seed, are known: their outcomes train the cluster map and the item response model.
Each of the other half answers only the probes. What is allocated is a pool of those unseen strategies: UniRoute's
plug-in rule, error + lambda * cost, with lambda set by the budget. "recovered" is the gain over constants, as a share
of what pairs trained on all outcomes gain over them; the figure is of all data sets' gains together.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs, tell
from bench.decision_run import Trial, judge, prepare_trial
from bench.decision_table import markdown
from bench.figures import Figure, print_figures
from bench.splits import split_by_group
from router.baselines.constant import fit_constant
from router.baselines.outcomes import Estimates, Outcomes, add_features, join
from router.baselines.trained_pairs import fit_trained_pairs
from router.clusters import assign_clusters
from router.cold_start.cluster_map import learn_cluster_map
from router.cold_start.error_vector import learn_clusters, partition_past
from router.cold_start.handover import rank_placements
from router.cold_start.imputation import Asked, Table, impute_table
from router.cold_start.item_response import learn_item_response
from router.cold_start.placement import Place, Probes, place_constant, place_mean
from router.cold_start.probes import ProbeSet, cover_tasks

PROBES = (50, 100, 200, 400)
JUDGED_PROBES, RECOVERED = 200, 0.8
FULL, CONSTANT, CHOSEN = "pairs, all outcomes", "constant, all outcomes", "best by cross-validation"
BLEND = "error vector and item response"  # halves
TRAINED, TAUGHT = "pairs trained on the probes", "pairs taught imputed outcomes"

Areas = dict[str, float]


class Divided(NamedTuple):
    """The columns of strategies whose outcomes are known, and of those that only answer probes."""

    known: list[int]
    unseen: list[int]


def divide_strategies(count: int, *, seed: int) -> Divided:
    """Half and half, drawn by the seed; an odd one is known."""
    columns = np.random.default_rng(seed).permutation(count)
    return Divided(np.sort(columns[::2]).tolist(), np.sort(columns[1::2]).tolist())


def measure_unseen(given: Embedded, counts: list[int], *, seed: int, mean_costs: bool) -> Areas:
    """Area of the unseen pool by method, and by method and number of probes."""
    known, unseen = divide_strategies(len(given.table.strategies), seed=seed)
    split = split_by_group(given.table.groups, seed=seed)
    past = prepare_trial(given.table.keep(known), given.embeddings, split, mean_costs=mean_costs)
    trial = prepare_trial(given.table.keep(unseen), given.embeddings, split, mean_costs=mean_costs)
    areas = {
        name: measure_area(fit(*trial.seen, seed)(trial.tasks), trial)
        for name, fit in ((CONSTANT, fit_constant), (FULL, fit_trained_pairs))
    }
    seen = add_features(join(*past.seen))
    learned = {
        "cluster map": learn_cluster_map(seen.embeddings, seen.correct, seed=seed),
        "item response": learn_item_response(seen.embeddings, seen.correct, seed=seed).place,
    }
    for count in counts:
        if count <= len(seen.embeddings):
            probes = cover_tasks(seen.embeddings, count=count, seed=seed)
            places = {"error vector": learn_clusters(seen.embeddings, probes=count, seed=seed), **learned}
            placed = _place_all({"constant": place_constant, **places}, probes, join(*past.seen), trial, seed=seed)
            areas |= {f"{name}, {count} probes": measure_area(estimates, trial) for name, estimates in placed.items()}
    return areas


def _place_all(
    places: Mapping[str, Place], probes: ProbeSet, past: Outcomes, trial: Trial, *, seed: int
) -> dict[str, Estimates]:
    """Estimates of the unseen pool by every way of placing, by mixtures of them, and by pairs trained on the probes."""
    answered = join(*trial.seen)
    plain = answered.take(probes.rows)
    asked, tasks = add_features(plain), add_features(trial.tasks).embeddings
    places = {**places, BLEND: place_mean(places["error vector"], places["item response"])}
    accuracy: dict[str, list[NDArray[np.float64]]] = {name: [] for name in (*places, CHOSEN)}
    cost = []
    for column in range(asked.correct.shape[1]):
        given = Probes(asked.embeddings, asked.correct[:, column], probes.weight)
        predicted = {name: place(given)(tasks) for name, place in places.items()}
        best = next(iter(rank_placements(places, given, seed=seed)))
        for name, values in ({CHOSEN: predicted[best]} | predicted).items():
            accuracy[name].append(values)
        cost.append(places["error vector"](given._replace(correct=asked.cost[:, column]))(tasks))
    placed = {name: Estimates(np.stack(values, axis=1), np.stack(cost, axis=1)) for name, values in accuracy.items()}
    for name, outcomes in (
        (TRAINED, plain),
        (TAUGHT, teach(past, answered, [probes] * answered.correct.shape[1], seed=seed)),
    ):
        placed[name] = fit_trained_pairs(outcomes, outcomes.take(np.arange(0)), seed)(trial.tasks)
    return placed


def teach(past: Outcomes, answered: Outcomes, probes: Sequence[ProbeSet], *, seed: int) -> Outcomes:
    """All past tasks, with what each unseen strategy would have done there by its answers to its probes."""
    embeddings = add_features(answered).embeddings
    labels = assign_clusters(embeddings, partition_past(embeddings, probes=len(probes[0].rows), seed=seed))
    correct, cost = np.empty_like(answered.correct), np.empty_like(answered.cost)
    for column, chosen in enumerate(probes):
        own = Table(answered.correct[chosen.rows, column, None], answered.cost[chosen.rows, column, None])
        imputed = impute_table(Table(past.correct, past.cost), Asked(chosen.rows, labels), own)
        correct[:, column], cost[:, column] = imputed.correct[:, 0], imputed.cost[:, 0]
    return answered._replace(correct=correct, cost=cost)


def format_areas(areas: Mapping[str, float]) -> str:
    """A row for each method: its area, and the share of the full pairs' gain that it recovers."""
    gain = areas[FULL] - areas[CONSTANT]
    rows = [
        (name, f"{area:.4f}", f"{(area - areas[CONSTANT]) / gain:.0%}" if gain > 0 else "")
        for name, area in areas.items()
    ]
    return markdown(("method", "area", "recovered"), rows)


def judge_recovery(results: Mapping[str, Areas]) -> list[Figure]:
    """What pairs taught by 200 probes gain of what full pairs do, all data sets together, and how many reach it."""
    taught = f"{TAUGHT}, {JUDGED_PROBES} probes"
    gains = [(areas[taught] - areas[CONSTANT], areas[FULL] - areas[CONSTANT]) for areas in results.values()]
    if not gains or sum(full for _, full in gains) <= 0:
        return []
    share = sum(own for own, _ in gains) / sum(full for _, full in gains)
    reached = sum(own >= RECOVERED * full for own, full in gains)
    return [
        Figure(f"gain recovered by {JUDGED_PROBES} probes", 100 * share, "%", ">= 80", share >= RECOVERED),
        Figure("data sets that recover as much", reached, f"of {len(gains)}", f"{len(gains)}", reached == len(gains)),
    ]


def main() -> None:
    """A table for each data set, and what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--probes", type=int, nargs="+", default=list(PROBES), metavar="N")
    arguments = parse(parser)
    results = {}
    for given in read_inputs(arguments):
        done = []
        for seed in arguments.seeds:
            tell(f"{given.table.name}: split {seed}, {len(arguments.seeds)} in all")
            done.append(measure_unseen(given, arguments.probes, seed=seed, mean_costs=arguments.costs == "mean"))
        mean = {name: float(np.mean([areas[name] for areas in done])) for name in done[0]}
        print(f"## {given.table.name}: {len(given.table.strategies) // 2} unseen strategies\n")
        print(format_areas(mean), end="\n\n", flush=True)
        results[given.table.name] = mean
    judged = {name: areas for name, areas in results.items() if f"{TAUGHT}, {JUDGED_PROBES} probes" in areas}
    print_figures(judge_recovery(judged), as_json=arguments.json)


def measure_area(estimates: Estimates, trial: Trial) -> float:
    """The area that these estimates of the unseen pool reach."""
    return float(judge(estimates, trial, 0.0, 0.0).curve.area_by_task.mean())


if __name__ == "__main__":
    main()
