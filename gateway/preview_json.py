"""A preview as JSON values, the same for `apportion plan --json` and `POST /v1/plan`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gateway.report.amounts import say_cost
from router.units import Unit
from worker.preview import Preview, Reach, Single, Suggestion


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


def read_preview(value: Mapping[str, Any]) -> Preview:
    """The preview that `describe_preview` described."""
    return Preview(
        unit=Unit(value["unit"]),
        tasks=value["tasks"],
        distinct=value["distinct_tasks"],
        planned_on=value["planned_on"],
        unservable=value["unservable_tasks"],
        cheapest=value["cheapest"],
        enough=value["enough"],
        frontier=[_read_reach(reach) for reach in value["frontier"]],
        singles=[Single(**single) for single in value["strategies"]],
        suggestions=[Suggestion(reason=one["reason"], reach=_read_reach(one)) for one in value["suggestions"]],
        encoding_seconds=value["encoding_seconds"],
        planning_seconds=value["planning_seconds"],
    )


def _read_reach(value: Mapping[str, Any]) -> Reach:
    return Reach(**{name: value[name] for name in Reach.__dataclass_fields__})


def _state(reach: Reach, preview: Preview) -> str:
    return say_cost(reach.budget, preview.unit)
