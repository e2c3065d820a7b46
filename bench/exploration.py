"""Prints how sure estimates get by exploring one night where it teaches most, and by exploring everything alike.

    python -m bench.exploration [--data FOLDER] [--datasets NAME ...] [--quick] [--json]

What teaches most is what can turn a choice, so that the errors below are not the least that draws could have.
Predictors learn from 200 probes; then a night of up to 1,000 tasks is planned at a quarter of the way between the
cheapest and the dearest strategy, with the limits of money and accuracy of the product, which both ways of exploring
keep. What is estimated is the accuracy of each strategy on all tasks, from the predictions and the weighted errors of
what was drawn (doubly robust); its standard error is exact, since every outcome is known. Once all strategies have as
many outcomes; once one of them is new (each in turn), and its accuracy is what is estimated.
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs
from bench.decision_table import markdown
from bench.figures import Figure, print_figures
from router import allocate
from router.baselines.outcomes import Cells, Estimates, Outcomes, Tasks
from router.baselines.registry import METHODS
from router.exploration import MOST_EXPLORED, Chosen, Limits, plan_exploration
from router.outcome_need import find_need, find_points
from router.prompt_features import describe_prompts

PROBES, NIGHT = 200, 1_000
BUDGET, SHARE = 0.25, 0.05  # of the range of costs; of the money, as the product has it
KNOWN, NEW = 2_000, 50  # outcomes of a strategy
LESS_VARIANCE = {"all alike": 1.0, "one is new": 2.0}  # as much as that many times the exploration, at the same cost


class Way(NamedTuple):
    """One way of exploring one night."""

    error: float  # points: the standard error of an accuracy, root mean square over those that are estimated
    explored: float  # of the tasks
    given_up: float  # points of accuracy, as predicted
    truly_given_up: float  # points
    worst_extra_cost: float  # of what was set aside


class _Night(NamedTuple):
    correct: Cells
    chosen: Chosen


class _Compared(NamedTuple):
    ours: Way
    alike: Way


def compare(given: Embedded, *, seed: int) -> dict[str, _Compared]:
    """Both ways on one night of a data set, by what is known beforehand."""
    night, strategies = _plan_night(given, seed=seed), len(given.table.strategies)
    new = [_explore(night, np.where(np.arange(strategies) == own, NEW, KNOWN), [own]) for own in range(strategies)]
    return {
        "all alike": _explore(night, np.full(strategies, PROBES), list(range(strategies))),
        "one is new": _Compared(*(_average([getattr(own, way) for own in new]) for way in _Compared._fields)),
    }


def _explore(night: _Night, outcomes: NDArray[np.int64], estimated: list[int]) -> _Compared:
    need = find_need(outcomes)
    money = SHARE / (1 - SHARE) * night.chosen.find_cost()
    limits = Limits(money=money, accuracy=find_points(need) / 100 * len(night.correct))
    ours = plan_exploration(night.chosen, limits=limits, need=need).propensity.astype(np.float64)
    ways = (ours, _explore_alike(night.chosen, limits))
    return _Compared(*(_judge(chances, night, estimated, money=money) for chances in ways))


def _plan_night(given: Embedded, *, seed: int) -> _Night:
    table = given.table
    order = np.random.default_rng(seed).permutation(len(table))
    probes, tasks = order[:PROBES], order[PROBES : PROBES + NIGHT]
    predicted = _predict(given, probes, tasks, seed=seed)
    dearest, least = predicted.cost.sum(axis=0).max(), predicted.cost.min(axis=1).sum()
    found = allocate(*predicted, (1 - SHARE) * (least + BUDGET * (dearest - least)))
    chosen = Chosen(
        choice=found.choice,
        accuracy=predicted.accuracy,
        cost=predicted.cost,
        worst_cost=np.maximum(predicted.cost, table.cost[probes].max(axis=0)),
        price=found.shadow_price,
    )
    return _Night(table.correct[tasks], chosen)


def _predict(given: Embedded, probes: NDArray[np.intp], tasks: NDArray[np.intp], *, seed: int) -> Estimates:
    table, features = given.table, describe_prompts(given.table.texts)
    seen = Outcomes(given.embeddings, features, table.category, table.correct, table.cost)
    held = PROBES // 4
    predict = METHODS["kNN"].fit(seen.take(probes[held:]), seen.take(probes[:held]), seed)
    return predict(Tasks(given.embeddings[tasks], features[tasks], table.category[tasks]))


def _explore_alike(chosen: Chosen, limits: Limits) -> Cells:
    """The same chance for every other strategy of every task, as large as the limits allow."""
    others = chosen.find_others()
    loss, worst = (float(cells[others].sum()) for cells in (chosen.find_losses(), chosen.find_worst_extra_costs()))
    chance = min(limits.accuracy / loss, limits.money / worst, MOST_EXPLORED / (others.shape[1] - 1))
    return np.where(others, chance, 1 - chance * (others.shape[1] - 1))


def _judge(chances: Cells, night: _Night, estimated: list[int], *, money: float) -> Way:
    chosen, tasks = night.chosen, len(chances)
    rows, others = np.arange(tasks), chosen.find_others()
    missed = np.square(night.correct - chosen.accuracy) * (1 - chances) / chances  # (tasks, strategies)
    away = np.where(others, chances, 0.0)
    right = night.correct[rows, chosen.choice][:, None] - night.correct
    return Way(
        error=100 * float(np.sqrt(missed[:, estimated].sum(axis=0).mean())) / tasks,
        explored=float(away.sum()) / tasks,
        given_up=100 * float((away * chosen.find_losses()).sum()) / tasks,
        truly_given_up=100 * float((away * right).sum()) / tasks,
        worst_extra_cost=float((away * chosen.find_worst_extra_costs()).sum()) / money,
    )


def _average(ways: list[Way]) -> Way:
    """Means, and of the errors the root of the mean square."""
    error = float(np.sqrt(np.mean(np.square([way.error for way in ways]))))
    return Way(*np.mean(np.array(ways), axis=0).tolist())._replace(error=error)


def _make_row(table: str, known: str, way: str, own: Way) -> tuple[str, ...]:
    points = (f"{own.given_up:.3f}", f"{own.truly_given_up:.3f}", f"{own.error:.1f}")
    return (table, known, way, f"{own.explored:.2%}", *points, f"{own.worst_extra_cost:.0%}")


def main() -> None:
    """Four rows for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    arguments = parse(parser)
    rows: list[tuple[str, ...]] = []
    ratios: dict[str, list[float]] = {known: [] for known in LESS_VARIANCE}
    for given in read_inputs(arguments):
        nights = [compare(given, seed=seed) for seed in arguments.seeds]
        for known, of_known in ratios.items():
            both = _Compared(*(_average([getattr(night[known], way) for night in nights]) for way in _Compared._fields))
            rows.append(_make_row(given.table.name, known, "where it teaches most", both.ours))
            rows.append(_make_row(given.table.name, known, "everything alike", both.alike))
            of_known.append((both.alike.error / both.ours.error) ** 2)
    print(markdown(COLUMNS, rows))
    print_figures([_compare_variance(known, of_known) for known, of_known in ratios.items()], as_json=arguments.json)


def _compare_variance(known: str, ratios: list[float]) -> Figure:
    ratio, goal = float(np.exp(np.mean(np.log(ratios)))), LESS_VARIANCE[known]
    return Figure(f"variance of exploring alike, {known}", ratio, "times", f"at least {goal:g}", ratio >= goal)


COLUMNS = ("data set", "known", "explored", "tasks", "points given up", "truly", "standard error", "of the money")

if __name__ == "__main__":
    main()
