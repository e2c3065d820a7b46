"""A preview as JSON values, the same for `apportion plan --json` and `POST /v1/plan`."""

from dataclasses import asdict
from typing import Any

from gateway.report.amounts import say_cost
from worker.preview import Preview, Reach


def describe_preview(preview: Preview) -> dict[str, Any]:
    """The preview; amounts in whole quanta of its unit, and in words that `--budget` takes."""
    return {
        "object": "plan",
        "unit": preview.unit.value,
        "tasks": preview.tasks,
        "distinct_tasks": preview.distinct,
        "planned_on": preview.planned_on,
        "sampled": preview.is_sampled,
        "unservable_tasks": preview.unservable,
        "cheapest": preview.cheapest,
        "enough": preview.enough,
        "frontier": [asdict(reach) for reach in preview.frontier],
        "strategies": [asdict(single) for single in preview.singles],
        "suggestions": [
            {"reason": one.reason, "stated": _state(one.reach, preview), **asdict(one.reach)}
            for one in preview.suggestions
        ],
        "encoding_seconds": preview.encoding_seconds,
        "planning_seconds": preview.planning_seconds,
    }


def _state(reach: Reach, preview: Preview) -> str:
    return say_cost(reach.budget, preview.unit)
