"""Plans: what a file's requests could cost and reach, before a cent is spent."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.callers import Caller
from gateway.api.front_door import Door
from gateway.api.line_source import read_requests
from gateway.preview_json import describe_preview
from worker.preview import preview_file

routes = APIRouter(prefix="/v1/plan", tags=["plans"])

LARGEST_INLINE = 10_000


class PlanAsked(BaseModel):
    """A file of requests, or some of them as they would stand in one: exactly one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_file_id: str | None = Field(default=None, description="A file that was uploaded with purpose `batch`.")
    requests: list[dict[str, Any]] | None = Field(
        default=None, min_length=1, max_length=LARGEST_INLINE, description="Lines of such a file."
    )


class Reached(BaseModel):
    """What a budget is predicted to reach; the accuracy that will be seen lies from `low` to `high` with 95 %."""

    budget: int
    accuracy: float
    low: float
    high: float


class Suggested(Reached):
    """A budget worth a thought."""

    reason: str
    stated: str = Field(description="The budget in words that batches take.")


class Alone(BaseModel):
    """One strategy for every request that it can serve."""

    strategy: str
    tasks: int
    accuracy: float
    low: float
    high: float
    cost: int
    worst_cost: int


class Plan(BaseModel):
    """What every budget could buy; amounts in whole quanta of `unit` (1 FLOP, 1 token, 1e-12 USD, 1 microsecond)."""

    object: Literal["plan"]
    unit: str
    tasks: int
    distinct_tasks: int
    planned_on: int = Field(description="Distinct requests; where more than 10,000, so many drawn at random.")
    sampled: bool
    unservable_tasks: int
    cheapest: int = Field(description="A budget below this is refused.")
    enough: int = Field(description="This answers every request however long the answers get.")
    frontier: list[Reached]
    strategies: list[Alone]
    suggestions: list[Suggested]
    encoding_seconds: float
    planning_seconds: float


@routes.post("")
def plan(door: Door, caller: Caller, asked: PlanAsked) -> Plan:
    """The frontier with intervals, each strategy alone, and suggested budgets; nothing is stored or spent."""
    with door.planning.take_place():
        tasks = read_requests(door, caller, file_id=asked.input_file_id, lines=asked.requests)
        with door.planning.enter() as workshop:
            preview = preview_file(workshop, tasks=tasks)
    return Plan.model_validate(describe_preview(preview))
