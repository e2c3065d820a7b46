"""Prints what routing itself costs: all that a job needs beyond encoding its prompts and generating answers.

    python -m bench.routing [--quick] [--json]

The example night, and the same prompts again under new names, are planned, stored and routed window by window on a real
database; no engine runs beside it. The peer is the time that encoding the same prompts takes.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bench.figures import Figure, print_figures
from bench.private_workshop import open_private_workshop, read_tasks
from bench.recorded_learning import learn_from
from db.jobs import read_job
from db.session import session_scope
from db.tasks import NewTask
from gateway.live.plain_view import PlainView
from router.units import parse_budget
from worker.bootstrap import Workshop
from worker.objective import Request
from worker.planning import plan_tasks, read_predictors, store_run
from worker.recording import read_recording
from worker.routing import open_routing, route_next_window

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
GOAL_MS = 1.0


class Cost(NamedTuple):
    """Wall-clock milliseconds a task."""

    tasks: int
    encoding: float
    planning: float
    storing: float
    routing: float

    @property
    def overhead(self) -> float:
        """Everything but encoding."""
        return self.planning + self.storing + self.routing


def repeat_tasks(tasks: Sequence[NewTask], times: int) -> list[NewTask]:
    """Each task as often as asked, under names of their own."""
    return [
        NewTask(custom_id=f"{task.custom_id}-{turn}", payload=json.dumps(json.loads(task.payload)))
        for turn in range(times)
        for task in tasks
    ]


def measure(workshop: Workshop, tasks: Sequence[NewTask]) -> Cost:
    """Plan, store and route these tasks as a job of their own."""
    request = Request(stated="25%", budget=parse_budget("25%"))
    plan = plan_tasks(workshop, tasks=tasks, request=request, predictors=read_predictors(workshop))
    started = time.monotonic()
    job_id = store_run(workshop, tasks=tasks, plan=plan, meta={})
    stored = time.monotonic()
    with session_scope(workshop.database) as session:
        job = read_job(session, job_id=job_id)
    routed = open_routing(workshop.database, job=job)
    while route_next_window(workshop.database, routed=routed, owner="bench", settings=workshop.settings):
        pass
    seconds = (plan.encoding_seconds, plan.planning_seconds, stored - started, time.monotonic() - stored)
    return Cost(len(tasks), *(1000 * part / len(tasks) for part in seconds))


def main() -> None:
    """Measure, print, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="up to 1,200 tasks only")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    costs = []
    with (
        PlainView(Console(stderr=True)) as view,
        open_private_workshop(EXAMPLES / "strategies.yaml", view=view) as workshop,
    ):
        recording = read_recording(EXAMPLES / "recorded_outcomes.jsonl")
        learn_from(workshop, tasks=read_tasks(workshop, EXAMPLES / "calibration.jsonl"), recording=recording)
        night = read_tasks(workshop, EXAMPLES / "night.jsonl")
        for times in (1, 5) if arguments.quick else (1, 10, 50):
            costs.append(measure(workshop, repeat_tasks(night, times)))
    print("ms a task, wall clock      encoding   planning   storing   routing   overhead")
    for cost in costs:
        parts = (cost.encoding, cost.planning, cost.storing, cost.routing, cost.overhead)
        print(f"{cost.tasks:>8,} tasks           " + "".join(f"{part:>10.2f}" for part in parts))
    figures = [
        Figure(
            f"overhead at {cost.tasks} tasks", cost.overhead, "ms a task", f"<= {GOAL_MS:g}", cost.overhead <= GOAL_MS
        )
        for cost in costs
    ]
    print_figures(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
