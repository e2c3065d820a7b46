"""Prints what self-consistency saves by stopping early, and what becomes of its answers.

    python -m bench.self_consistency [--quick] [--json]

Several ways to ask vote over five samples, on those kinds of the example night's tasks where answers can agree: once in
one request, and once for each rule of stopping early, on the real engine. Samples have the same seeds throughout. Costs
are FLOPs by the strategies' tariff, in which a further request pays its whole prompt again; "cached" is what they would
be if it did not. Minutes; --quick (under 50 s) asks one way about a few tasks.
"""

import argparse
import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rich.console import Console

from bench.figures import Figure, print_figures
from bench.private_workshop import answer_all, open_private_workshop
from gateway.live.plain_view import PlainView
from worker.recording import RecordedOutcome, Recording

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SAMPLES = 5
QUICK_TASKS = 6
GOAL = 0.75  # of the whole vote's cost
WHOLE = "one request"
CERTAIN, CERTAIN_BY_ONE, LIKELY = "when certain", "when certain, one at a time", "when likely (.85), two at a time"
RULES: Mapping[str, Mapping[str, Any]] = {
    WHOLE: {},
    CERTAIN: {"stop_early": True},
    CERTAIN_BY_ONE: {"stop_early": True, "step": 1},
    LIKELY: {"stop_early": 0.85, "step": 2},
}


class Case(NamedTuple):
    """A method whose samples vote, and on which kinds of task."""

    base: str | Mapping[str, Any]  # decoding that is sampled; a name is that of a strategy of the example night
    kinds: tuple[str, ...]


# Reasons first, in a form in which the answers can agree: long answers to short prompts.
REASONED = {
    "method": "structured",
    "max_tokens": 80,
    "answer_key": "answer",
    "schema": {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": 160},
            "answer": {"type": "string", "enum": ["positive", "negative"]},
        },
        "required": ["reason", "answer"],
        "additionalProperties": False,
    },
}
CASES: Mapping[str, Case] = {
    "program-vote": Case("program", ("arithmetic", "conversion")),
    "direct": Case("direct", ("fact",)),
    "reasoned": Case(REASONED, ("sentiment",)),
}
TEMPERATURE = 0.4  # of the example night's own vote


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What one rule came to on the tasks of one case."""

    case: str
    rule: str
    outcomes: Mapping[str, RecordedOutcome]  # by task
    prompt_price: Fraction  # quanta a token

    @property
    def cost(self) -> int:
        """Of all tasks, in quanta."""
        return sum(outcome.cost for outcome in self.outcomes.values())

    @property
    def cost_without_repeats(self) -> float:
        """What it would be if a cache spared the prompts of further requests, and a tariff said so."""
        uses = chain.from_iterable(outcome.requests[1:] for outcome in self.outcomes.values())
        return float(self.cost - self.prompt_price * sum(use["prompt_tokens"] for use in uses))

    @property
    def right(self) -> float:
        """Tasks."""
        return sum(outcome.correct or 0.0 for outcome in self.outcomes.values())

    @property
    def samples(self) -> float:
        """Drawn for a task, on average."""
        return sum(len(outcome.texts) for outcome in self.outcomes.values()) / len(self.outcomes)

    @property
    def requests(self) -> float:
        """Sent for a task, on average."""
        return sum(len(outcome.requests) or 1 for outcome in self.outcomes.values()) / len(self.outcomes)

    def count_changed(self, whole: "Vote") -> int:
        """Tasks whose answer is not that of the whole vote."""
        return sum(own.answer != whole.outcomes[task].answer for task, own in self.outcomes.items())


def write_pool(cases: Mapping[str, Case], folder: Path) -> Path:
    """A strategy file of every case under every rule, each for the tasks of its own kinds."""
    shipped = yaml.safe_load((EXAMPLES / "strategies.yaml").read_text(encoding="utf-8"))
    decoding = {strategy["name"]: strategy["decoding"] for strategy in shipped["strategies"]}
    [engine] = shipped["engines"]
    strategies = [
        {
            "name": _name(case, rule),
            "engine": engine,
            "tags": list(own.kinds),
            "decoding": {
                "method": "self_consistency",
                "n": SAMPLES,
                "temperature": TEMPERATURE,
                "base": decoding[own.base] if isinstance(own.base, str) else own.base,
                **RULES[rule],
            },
        }
        for case, own in cases.items()
        for rule in RULES
    ]
    path = folder / "strategies.yaml"
    path.write_text(yaml.safe_dump({"engines": shipped["engines"], "strategies": strategies}), encoding="utf-8")
    return path


def write_tasks(cases: Mapping[str, Case], folder: Path, *, most: int | None) -> Path:
    """The night's tasks of these kinds, each for the strategies that vote on its kind."""
    wanted = {kind for case in cases.values() for kind in case.kinds}
    lines = map(json.loads, (EXAMPLES / "night.jsonl").read_text(encoding="utf-8").splitlines())
    tasks = [line for line in lines if read_kind(line) in wanted][:most]
    for task in tasks:
        task["body"]["model"] = f"auto:{read_kind(task)}"
    path = folder / "tasks.jsonl"
    path.write_text("".join(f"{json.dumps(task)}\n" for task in tasks), encoding="utf-8")
    return path


def read_kind(task: Mapping[str, Any]) -> str:
    """The kind in a task's name, as in night-fact-032; of classifications, those of sentiment are told apart."""
    kind: str = task["custom_id"].split("-")[1]
    return "sentiment" if "sentiment" in task["body"]["messages"][0]["content"] else kind


def tell_apart(recording: Recording, cases: Mapping[str, Case], *, prompt_price: Fraction) -> list[list[Vote]]:
    """The votes of each case, the whole one first."""
    outcomes: dict[str, dict[str, RecordedOutcome]] = {}
    for outcome in recording.outcomes:
        outcomes.setdefault(outcome.strategy, {})[outcome.custom_id] = outcome
    return [
        [Vote(case=case, rule=rule, outcomes=outcomes[_name(case, rule)], prompt_price=prompt_price) for rule in RULES]
        for case in cases
    ]


def _name(case: str, rule: str) -> str:
    return f"{case}, {rule}"


def print_votes(votes: Sequence[Vote]) -> None:
    """One case, rule by rule."""
    whole, kinds = votes[0], ", ".join(CASES[votes[0].case].kinds)
    print(f"\n{whole.case} on {len(whole.outcomes)} tasks ({kinds})")
    print(f"    {'':<34}{'right':>7}{'cost':>8}{'cached':>8}{'samples':>9}{'requests':>10}{'other answers':>15}")
    for vote in votes:
        shares = f"{vote.cost / whole.cost:>8.1%}{vote.cost_without_repeats / whole.cost:>8.1%}"
        drawn = f"{vote.samples:>9.2f}{vote.requests:>10.2f}{vote.count_changed(whole):>15}"
        print(f"    {vote.rule:<34}{vote.right / len(vote.outcomes):>7.1%}{shares}{drawn}")


def judge(voted: Sequence[Sequence[Vote]]) -> list[Figure]:
    """The goal, of each case and rule; a certain stop must change no answer."""
    figures = []
    for whole, *early in voted:
        for vote in early:
            equal = vote.right >= whole.right
            share = vote.cost / whole.cost
            goal = f"<= {GOAL:g}, as many right"
            figures.append(Figure(_name(vote.case, vote.rule), share, "of the cost", goal, share <= GOAL and equal))
            if vote.rule != LIKELY:
                changed = vote.count_changed(whole)
                name = f"other answers, {_name(vote.case, vote.rule)}"
                figures.append(Figure(name, changed, "tasks", "0", changed == 0))
    return figures


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one way to ask, a few tasks, under 50 s")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    cases = dict(list(CASES.items())[:1]) if arguments.quick else CASES
    with PlainView(Console(stderr=True)) as view, tempfile.TemporaryDirectory(prefix="apportion-bench-") as folder:
        pool = write_pool(cases, Path(folder))
        tasks = write_tasks(cases, Path(folder), most=QUICK_TASKS if arguments.quick else None)
        with open_private_workshop(pool, view=view) as workshop:
            recording = answer_all(workshop, tasks)
            price = workshop.pool.strategies[0].tariff.price_in(recording.unit)
    for name, engine in recording.engines.items():
        print(f"answers of {name} on {engine['package']} {engine['version']}, {engine['dtype']}, {engine['processor']}")
    voted = tell_apart(recording, cases, prompt_price=price.prompt)
    for votes in voted:
        print_votes(votes)
    print_figures(judge(voted), as_json=arguments.json)


if __name__ == "__main__":
    main()
