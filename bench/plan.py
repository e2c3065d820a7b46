"""Prints how long a preview takes beyond encoding.

    python -m bench.plan [--quick] [--json]

The prompts of the example night, each under numbers of its own so that no two are alike, 100,000 in all, with the ten
strategies and the predictors of the example; vectors are drawn at random in place of the encoder's.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.figures import Figure, print_figures
from bench.private_workshop import open_private_workshop, read_tasks
from bench.recorded_learning import learn_from
from db.tasks import NewTask
from gateway.live.plain_view import PlainView
from worker.planning import read_predictors
from worker.preview import Preview, preview_tasks
from worker.recording import read_recording
from worker.task_encoder import EncodeProgress, FloatArray, TaskEncoder

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
GOAL_SECONDS, TASKS, QUICK_TASKS = 5.0, 100_000, 5_000


class DrawnVectors(TaskEncoder):
    """Vectors of the encoder's size, drawn and not encoded."""

    def __init__(self, encoder: TaskEncoder) -> None:
        self.name = encoder.name  # in whose place this stands
        self._length = encoder.dimension

    def encode(self, texts: Sequence[str], *, progress: EncodeProgress | None = None) -> FloatArray:
        """(texts, dimension); `progress` hears of nothing, since nothing has to be encoded."""
        vectors = np.random.default_rng(0).normal(size=(len(texts), self._length)).astype(np.float32)
        unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def number_tasks(tasks: Sequence[NewTask], count: int) -> list[NewTask]:
    """So many tasks, each with a number at the end of its prompt."""
    numbered = []
    for number in range(count):
        line = json.loads(tasks[number % len(tasks)].payload)
        line["custom_id"] = f"task-{number}"
        line["body"]["messages"][-1]["content"] += f"\n({number})"
        numbered.append(NewTask(custom_id=line["custom_id"], payload=json.dumps(line)))
    return numbered


def measure(count: int, *, view: PlainView) -> Preview:
    """The preview of so many tasks, with how long it took."""
    with open_private_workshop(EXAMPLES / "strategies.yaml", view=view) as workshop:
        recording = read_recording(EXAMPLES / "recorded_outcomes.jsonl")
        learn_from(workshop, tasks=read_tasks(workshop, EXAMPLES / "calibration.jsonl"), recording=recording)
        workshop.load_models()
        return preview_tasks(
            number_tasks(read_tasks(workshop, EXAMPLES / "night.jsonl"), count),
            pool=workshop.pool,
            predictors=read_predictors(workshop),
            encoder=DrawnVectors(workshop.encoder),
            watch=view.show,
        )


def main() -> None:
    """Measure, print, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TASKS:,} tasks only")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    count = QUICK_TASKS if options.quick else TASKS
    took = measure(count, view=PlainView(Console())).planning_seconds
    print(f"{count:,} prompts: {took:.2f} s beyond encoding")
    name = f"plan for {count:,} prompts beyond encoding"
    print_figures(
        [Figure(name, round(took, 2), "s", f"<= {GOAL_SECONDS:g}", took <= GOAL_SECONDS)], as_json=options.json
    )


if __name__ == "__main__":
    main()
