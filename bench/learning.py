"""Prints what routers learn from nights of which they see the chosen strategies' outcomes only.

    python -m bench.learning [--data FOLDER] [--datasets NAME ...] [--scenarios NAME ...] [--policies NAME ...]
                             [--nights N] [--tasks N] [--probes N] [--seeds N] [--strategies N] [--light] [--quick]
                             [--json] [--plot FILE]

Of each data set 30 % are held out, by group. Of the rest all strategies answer the probes, which cover it; then it
comes in nights, drawn without replacement. A set that is too small for all of them comes again in another order, and a
night that would hold a task twice is shorter. A night has four windows whose budgets lie 10, 25, 50 and 75 % of the way
from all-cheapest to best-single. Areas are the decision bench's, of the tasks held out: they say what predictions are
worth at all budgets. "full information" is told all strategies' outcomes of all nights, "constant" too, and knows means
only. Two more show what as many outcomes can teach as there are tasks, if nobody chooses them: of all strategies on the
same tasks, and on tasks of each's own. All policies learn again once they were told of a fifth more outcomes.
"""

import argparse
from pathlib import Path

from bench.decision_inputs import Embedded, add_arguments, parse, read_inputs, tell
from bench.figures import print_figures
from bench.learning_goals import compare_with_goals
from bench.learning_plot import plot_replays
from bench.learning_results import Replay
from bench.learning_table import format_degraded, format_replay, format_scenario
from bench.replay_nights import run_nights
from bench.replay_policies import CONSTANT, FULL, GREEDY, OWN, POLICIES
from bench.replay_scenarios import Scenario, stage
from bench.replay_training import Training
from bench.replay_world import make_world
from router.predictor import PredictorConfig

NIGHTS, TASKS, PROBES, STRATEGIES = 10, 1000, 200, 8
LIGHT = PredictorConfig(members=1, max_steps=20, patience_steps=10, cluster_restarts=3, network_share=0.05)
COMPARED = (OWN, CONSTANT, FULL)  # whatever is asked for
QUICK_NIGHTS, QUICK_TASKS, QUICK_PROBES = 4, 80, 80


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.set_defaults(seeds=1, strategies=STRATEGIES)
    parser.add_argument("--scenarios", nargs="+", default=list(Scenario), choices=list(Scenario), type=Scenario)
    parser.add_argument("--policies", nargs="+", default=[], choices=list(POLICIES), metavar="NAME", help="beside ours")
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--tasks", type=int, default=TASKS, help="a night")
    parser.add_argument("--probes", type=int, default=PROBES, help="tasks that all strategies answer first")
    parser.add_argument("--light", action="store_true", help="smaller pairs, trained in a tenth of the time")
    parser.add_argument("--plot", type=Path, help="draw the nights to this file")
    arguments = parse(parser)
    arguments.policies = {*COMPARED, *(arguments.policies or POLICIES)}
    if arguments.quick:
        arguments.nights, arguments.tasks, arguments.probes = QUICK_NIGHTS, QUICK_TASKS, QUICK_PROBES
        arguments.policies = {*COMPARED, GREEDY}
        arguments.light, arguments.scenarios = True, [Scenario.QUIET, Scenario.DEGRADED]
    return arguments


def replay(given: Embedded, scenario: Scenario, arguments: argparse.Namespace, *, seed: int) -> Replay:
    """Every policy through the same nights."""
    world = make_world(
        given.table,
        given.embeddings,
        nights=arguments.nights,
        tasks=arguments.tasks,
        probes=arguments.probes,
        by_topic=scenario is Scenario.TOPICS,
        seed=seed,
    )
    world = stage(world, scenario)
    nights = {}
    for name, policy in POLICIES.items():
        if name not in arguments.policies:
            continue
        tell(f"{given.table.name}, {scenario}, seed {seed}: {name}")
        nights[name] = run_nights(world, policy, Training(LIGHT if arguments.light else PredictorConfig(), seed))
    return Replay(world=world, scenario=scenario, nights=nights)


def main() -> None:
    """Replay, print, draw, and say what was missed."""
    arguments = parse_arguments()
    replays: dict[Scenario, list[Replay]] = {scenario: [] for scenario in arguments.scenarios}
    for given in read_inputs(arguments):
        for scenario in arguments.scenarios:
            for seed in arguments.seeds:
                done = replay(given, scenario, arguments, seed=seed)
                replays[scenario].append(done)
                asked = f"{len(done.world.nights[0])} tasks a night, {len(given.table.strategies)} strategies"
                print(f"## {given.table.name}, {scenario}: {asked}\n\n{format_replay(done)}\n", flush=True)
    for scenario, own in replays.items():
        print(f"## all, {scenario}\n\n{format_scenario(own)}\n")
    if Scenario.DEGRADED in replays:
        print(f"{format_degraded(replays[Scenario.DEGRADED])}\n")
    if arguments.plot is not None:
        plot_replays(replays, path=arguments.plot)
    print_figures(compare_with_goals([own for several in replays.values() for own in several]), as_json=arguments.json)


if __name__ == "__main__":
    main()
