"""The shipped recording: 480 short prompts of the example, ten strategies of one small model, costs in FLOPs."""

import json
from pathlib import Path

import numpy as np

from bench.datasets.outcome_table import OutcomeTable
from worker.recording import read_recording
from worker.task_line import parse_task_line

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def read_shipped_recording() -> OutcomeTable:
    """What `make run` learns from. The category is the part of the identifier that names the kind of task."""
    recording = read_recording(EXAMPLES / "recorded_outcomes.jsonl")
    lines = [json.loads(line) for line in (EXAMPLES / "calibration.jsonl").read_text().splitlines()]
    texts = {line["custom_id"]: parse_task_line(json.dumps(line)).embedded_text for line in lines}
    row_of = {custom_id: row for row, custom_id in enumerate(texts)}
    strategies = list(recording.strategy_hashes)
    cells = np.full((4, len(texts), len(strategies)), np.nan)
    for outcome in recording.outcomes:
        if outcome.correct is not None:
            measured = (outcome.correct, outcome.cost, outcome.prompt_tokens, outcome.output_tokens)
            cells[:, row_of[outcome.custom_id], strategies.index(outcome.strategy)] = measured
    return OutcomeTable(
        name="shipped recording",
        texts=list(texts.values()),
        groups=np.array(list(texts.values())),
        category=np.array([custom_id.split("-")[1] for custom_id in texts]),
        strategies=strategies,
        correct=cells[0],
        cost=cells[1],
        input_tokens=cells[2],
        output_tokens=cells[3],
        unit=str(recording.unit),
    )
