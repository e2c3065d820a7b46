"""What a grade costs: microseconds for graders that read the answer, milliseconds for one that runs it.

    python -m bench.graders [--quick] [--json]

Each kind grades a typical answer again and again, on one thread; programs are run in sandboxes, one after another.
"""

import argparse
import resource
import statistics
import time

from bench.figures import Figure, print_figures
from router.grading import grade, parse_grader
from router.grading.code_tests import CodeTests
from worker.sandbox.code_run import count_passed

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "born": {"type": "integer", "minimum": 1800}},
    "required": ["name", "born"],
    "additionalProperties": False,
}
PERSON = '{"name": "Ada Lovelace", "born": 1815}'
SENTENCE = "The distance between the two towns is 18 km, so it takes a quarter of an hour by car."
CASES = (
    ("normalised", {"reference": "Oslo"}, "**Oslo.**"),
    ("choice", {"reference": "yes", "options": ["yes", "no"]}, "Yes, it is."),
    ("contains_all", {"reference": ["18 km"]}, SENTENCE),
    ("numeric", {"reference": 18, "unit": "km"}, "It is 18,000 m."),
    ("f1", {"reference": ["18 km by car", "a quarter of an hour"]}, SENTENCE),
    ("json_fields", {"reference": {"born": 1815}}, PERSON),
    ("json_schema", {"reference": SCHEMA}, PERSON),
)
PROGRAM = "```python\ndef add(x, y):\n    return x + y\n```"
TESTS = [f"assert add({number}, 1) == {number + 1}" for number in range(3)]
GOAL_US = 1_000.0  # a task's share of routing and settling is some tens of microseconds, an answer takes milliseconds
GOAL_MS = 500.0


def measure_us(kind: str, fields: dict[str, object], answer: str, *, rounds: int) -> float:
    """Microseconds of processor time for one right answer."""
    grader = parse_grader({"kind": kind, **fields})
    assert grade(grader, answer) is not None
    started = time.process_time()
    for _ in range(rounds):
        grade(grader, answer)
    return (time.process_time() - started) / rounds * 1e6


def time_run(tests: CodeTests) -> float:
    """Seconds from an answer to the number of its passed tests."""
    started = time.perf_counter()
    assert count_passed(tests, PROGRAM) == len(TESTS)
    return time.perf_counter() - started


def measure_runs(runs: int) -> list[Figure]:
    """How long one program takes alone, and how much processor time all of its processes take."""
    rule = parse_grader({"kind": "code", "reference": TESTS}).rule
    assert isinstance(rule, CodeTests)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    alone_ms = statistics.median(time_run(rule) for _ in range(runs)) * 1e3
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_ms = (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / runs * 1e3
    return [
        Figure("code, from start to end", alone_ms, "ms", f"< {GOAL_MS:g}", alone_ms < GOAL_MS),
        Figure("code, processor time", used_ms, "ms", f"< {GOAL_MS:g}", used_ms < GOAL_MS),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under ten seconds")
    parser.add_argument("--json", action="store_true", help="all figures as the last line")
    options = parser.parse_args()
    rounds, runs = (300, 15) if options.quick else (3_000, 100)
    figures = []
    for kind, fields, answer in CASES:
        cost_us = measure_us(kind, dict(fields), answer, rounds=rounds)
        figures.append(Figure(kind, cost_us, "us", f"< {GOAL_US:g}", cost_us < GOAL_US))
    figures += measure_runs(runs)
    for figure in figures:
        print(f"{figure.name:24} {figure.value:9.1f} {figure.unit:11} goal {figure.goal}")
    print_figures(figures, as_json=options.json)


if __name__ == "__main__":
    main()
