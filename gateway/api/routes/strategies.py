"""Strategies and predictors: what requests can be routed to, and what foresees how that goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from db.predictors import list_predictors
from db.session import session_scope
from db.states import PredictorState
from db.strategies import read_latest_strategies
from gateway.api.callers import Caller
from gateway.api.front_door import Door
from worker.submission import TENANT

routes = APIRouter(prefix="/v1", tags=["strategies"])

MOST_PREDICTORS = 500


class StrategyObject(BaseModel):
    """A strategy of this server's file."""

    object: Literal["strategy"] = "strategy"
    name: str
    engine: str
    model: str
    method: str
    max_output_tokens: int
    tags: list[str] = Field(description="`auto:TAG` as a model routes among those that have it.")
    version: int | None = Field(description="None until it was first planned with.")
    tariff: dict[str, Any] | None = Field(description="What a token costs in each unit.")


class StrategyList(BaseModel):
    """All of them, in the file's order."""

    object: Literal["list"] = "list"
    data: list[StrategyObject]


class PredictorObject(BaseModel):
    """One trained predictor of a strategy."""

    object: Literal["predictor"] = "predictor"
    id: int
    strategy: str
    version: int
    encoder: str
    state: PredictorState
    figures: Mapping[str, Any] | None = Field(description="How well it predicts outcomes it was not trained on.")
    created_at: datetime


class PredictorList(BaseModel):
    """The latest 500, by strategy, the newest of each first."""

    object: Literal["list"] = "list"
    data: list[PredictorObject]


@routes.get("/strategies")
def list_strategies(door: Door, _: Caller) -> StrategyList:
    """What requests can be routed to."""
    names = [strategy.name for strategy in door.pool.strategies]
    with session_scope(door.database) as session:
        stored = read_latest_strategies(session, tenant_id=TENANT, names=names)
    return StrategyList(
        data=[
            StrategyObject(
                name=own.name,
                engine=own.engine.name,
                model=own.engine.model,
                method=own.decoding.name,
                max_output_tokens=own.decoding.max_output_tokens(),
                tags=sorted(own.tags),
                version=stored[own.name].version if own.name in stored else None,
                tariff=dict(stored[own.name].tariff) if own.name in stored else None,
            )
            for own in door.pool.strategies
        ]
    )


@routes.get("/predictors")
def list_all_predictors(door: Door, _: Caller) -> PredictorList:
    """What was trained, and which version of it serves."""
    with session_scope(door.database) as session:
        versions = list_predictors(session, tenant_id=TENANT, limit=MOST_PREDICTORS)
    names = PredictorObject.model_fields.keys() - {"object"}
    return PredictorList(data=[PredictorObject(**{name: getattr(own, name) for name in names}) for own in versions])
