"""Prints whether probes that a strategy's own answers choose beat probes that cover the tasks.

    python -m bench.probe_designs [--data FOLDER] [--datasets NAME ...] [--probes N ...] [--seeds N] [--quick] [--json]

As in bench/cold_start.py half of the strategies are known, and a pool of the others is allocated. Adaptive: half of the
probes cover the tasks, and the item response model chooses the rest for each strategy, as `apportion probe --adaptive`
does. Costs are what pairs trained on all outcomes predict, in every row.
"""

import argparse
import json

import numpy as np

from bench.cold_start import BLEND, CONSTANT, FULL, TAUGHT, divide_strategies, format_areas, measure_area, teach
from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs, tell
from bench.decision_run import Trial, prepare_trial
from bench.splits import split_by_group
from router.baselines.constant import fit_constant
from router.baselines.outcomes import Estimates, Outcomes, add_features, join
from router.baselines.trained_pairs import fit_trained_pairs
from router.cold_start.error_vector import learn_clusters
from router.cold_start.item_response import ItemResponse, learn_item_response
from router.cold_start.placement import DoubleArray, FloatArray, Probes, place_mean
from router.cold_start.probes import ProbeSet, add_probes, cover_tasks

PROBES = (50, 200)
COVERING, ADAPTIVE = "covering", "adaptive"


def choose_adaptively(
    model: ItemResponse, embeddings: FloatArray, correct: DoubleArray, *, count: int, seed: int
) -> ProbeSet:
    """Half of the probes cover the tasks (n, d); the rest say most about the ability of a strategy that answers them
    with `correct` (n,)."""
    cover = cover_tasks(embeddings, count=count // 2, seed=seed)
    given = Probes(embeddings[cover.rows], correct[cover.rows], cover.weight)
    rest = np.setdiff1d(np.arange(len(embeddings)), cover.rows)
    chosen = rest[model.choose_informative(embeddings[rest], given, count=count - len(cover.rows))]
    more = add_probes(embeddings, cover, chosen)
    weight = np.concatenate((cover.weight, more.weight))
    return ProbeSet(rows=np.concatenate((cover.rows, more.rows)), weight=weight / weight.mean())


def measure_designs(given: Embedded, counts: list[int], *, seed: int, mean_costs: bool) -> dict[str, float]:
    """Area of the unseen pool by design, way of placing and number of probes."""
    known, unseen = divide_strategies(len(given.table.strategies), seed=seed)
    split = split_by_group(given.table.groups, seed=seed)
    past = prepare_trial(given.table.keep(known), given.embeddings, split, mean_costs=mean_costs)
    trial = prepare_trial(given.table.keep(unseen), given.embeddings, split, mean_costs=mean_costs)
    answered = join(*trial.seen)
    full = fit_trained_pairs(*trial.seen, seed)(trial.tasks)
    constant = full._replace(accuracy=fit_constant(*trial.seen, seed)(trial.tasks).accuracy)
    areas = {CONSTANT: measure_area(constant, trial), FULL: measure_area(full, trial)}
    tasks = add_features(answered).embeddings
    model = learn_item_response(tasks, join(*past.seen).correct, seed=seed)
    for count in (count for count in counts if count <= len(tasks)):
        cover = cover_tasks(tasks, count=count, seed=seed)
        adaptive = [choose_adaptively(model, tasks, own, count=count, seed=seed) for own in answered.correct.T]
        for design, probes in ((COVERING, [cover] * len(unseen)), (ADAPTIVE, adaptive)):
            for way, accuracy in _place(model, join(*past.seen), probes, trial, count=count, seed=seed).items():
                areas[f"{way}, {count} {design} probes"] = measure_area(Estimates(accuracy, full.cost), trial)
    return areas


def _place(
    model: ItemResponse, past: Outcomes, probes: list[ProbeSet], trial: Trial, *, count: int, seed: int
) -> dict[str, DoubleArray]:
    """Accuracy (tasks, unseen strategies) by both ways that `apportion probe` knows, each strategy on its probes."""
    answered, asked = join(*trial.seen), add_features(trial.tasks).embeddings
    seen = add_features(answered).embeddings
    place = place_mean(learn_clusters(seen, probes=count, seed=seed), model.place)
    blended = [
        place(Probes(seen[chosen.rows], correct[chosen.rows], chosen.weight))(asked)
        for chosen, correct in zip(probes, answered.correct.T, strict=True)
    ]
    lessons = teach(past, answered, probes, seed=seed)
    pairs = fit_trained_pairs(lessons, lessons.take(np.arange(0)), seed)(trial.tasks)
    return {BLEND: np.stack(blended, axis=1), TAUGHT: pairs.accuracy}


def main() -> None:
    """A table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--probes", type=int, nargs="+", default=list(PROBES), metavar="N")
    arguments = parse(parser)
    results = {}
    for given in read_inputs(arguments):
        done = []
        for seed in arguments.seeds:
            tell(f"{given.table.name}: split {seed}, {len(arguments.seeds)} in all")
            done.append(measure_designs(given, arguments.probes, seed=seed, mean_costs=arguments.costs == "mean"))
        mean = {name: float(np.mean([areas[name] for areas in done])) for name in done[0]}
        print(f"## {given.table.name}: {len(given.table.strategies) // 2} unseen strategies\n")
        print(format_areas(mean), end="\n\n", flush=True)
        results[given.table.name] = mean
    if arguments.json:
        print(json.dumps({"areas": results}))


if __name__ == "__main__":
    main()
