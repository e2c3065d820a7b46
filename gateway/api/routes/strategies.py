"""Strategies and predictors: what requests can be routed to, and what foresees how that goes, as long as it holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from db.drift import DriftAlarm, ServingDrift, list_serving_drifts, list_standing_alarms, list_withdrawn_alarms
from db.errors import NoSuchRow
from db.predictors import list_predictors
from db.session import run_in_transaction, session_scope
from db.states import PredictorState, StrategyMode
from db.strategies import read_latest_strategies
from db.strategy_modes import StrategyChange, read_latest_changes
from gateway.api.callers import Caller, Known
from gateway.api.errors import InvalidRequest, NoSuchObject, NotPermitted
from gateway.api.front_door import Door, FrontDoor
from gateway.api.storable import Storable
from gateway.drift_words import say_alarm, say_withdrawal
from gateway.promotion_report.gather import gather_promotion
from worker.errors import NoSuchStrategy, StrategyUnusable
from worker.strategy_life import turn
from worker.submission import TENANT

routes = APIRouter(prefix="/v1", tags=["strategies"])

MOST_PREDICTORS = 500
Named = Annotated[Storable, Path(max_length=200, description="The strategy's name.")]


class ModeChange(BaseModel):
    """Who made a strategy what it is."""

    changed_by: str
    reason: str
    created_at: datetime


class Drift(BaseModel):
    """How a strategy's answers compare with what was predicted of them."""

    outcomes: int = Field(description="Answers that were looked at since its predictor serves.")
    log_odds_offset: float = Field(description="Added to the log-odds of its predicted accuracies.")
    cost_ratio: float = Field(description="By which its predicted costs are multiplied.")
    alarms: list[str] = Field(description="What was found not to hold, in words; they stand until it is trained anew.")
    withdrawn: list[str] = Field(description="The latest alarm, in words, where it turned out to be false.")


class ModeAsked(BaseModel):
    """What a strategy is to be used for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: StrategyMode = Field(description="`retired` is final.")
    reason: Storable = Field(default="", max_length=1000, description="Kept, and shown beside the mode.")


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
    mode: StrategyMode
    mode_change: ModeChange | None = Field(description="Who made it so; None: it was always enabled.")
    drift: Drift | None = Field(description="None until an answer was settled that its predictor had foreseen.")


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
    figures: Mapping[str, Any] | None = Field(
        description="How well it predicts outcomes it was not trained on; other tenants are not told."
    )
    created_at: datetime


class PredictorReport(PredictorObject):
    """One trained predictor with the reasons why it serves or does not."""

    report: Mapping[str, Any] = Field(description="What the gate found, and every look at live outcomes since.")
    trial: Mapping[str, Any] | None = Field(description="Its latest trial, look by look.")


class PredictorList(BaseModel):
    """The latest 500, by strategy, the newest of each first."""

    object: Literal["list"] = "list"
    data: list[PredictorObject]


@routes.get("/strategies")
def list_strategies(door: Door, caller: Caller) -> StrategyList:
    """What requests can be routed to."""
    return StrategyList(data=_describe_all(door, to=caller))


@routes.post("/strategies/{name}/mode")
def turn_strategy(door: Door, caller: Caller, name: Named, asked: ModeAsked) -> StrategyObject:
    """Enable a strategy, keep it in the shadow, disable or retire it; routers follow with their next window."""
    _require_operator(caller)
    change = partial(turn, name=name, mode=asked.mode, changed_by=caller.name, reason=asked.reason)
    if name not in [own.name for own in door.pool.strategies]:
        raise NoSuchObject(f"there is no strategy {name} in this server's file", param="name")
    try:
        run_in_transaction(door.database, change)
    except NoSuchStrategy as error:
        raise NoSuchObject(str(error), param="name") from None
    except StrategyUnusable as error:
        raise InvalidRequest(str(error), param="mode") from None
    return next(own for own in _describe_all(door, to=caller) if own.name == name)


def _require_operator(caller: Known) -> None:
    """Strategies are the deployment's, whatever tenants are served by them."""
    if caller.key is not None and (caller.tenant_id != TENANT or caller.key.budgets is not None):
        raise NotPermitted(f"strategies are changed with a key of tenant {TENANT} that is held to no budgets")


def _is_told(caller: Known) -> bool:
    """Whether what is known from everybody's answers, and who changed what: other tenants are not."""
    return caller.tenant_id == TENANT


def _describe_all(door: FrontDoor, *, to: Known) -> list[StrategyObject]:
    is_told = _is_told(to)
    names = [strategy.name for strategy in door.pool.strategies]
    with session_scope(door.database) as session:
        stored = read_latest_strategies(session, tenant_id=TENANT, names=names)
        changes = read_latest_changes(session, tenant_id=TENANT)
        drifts = {drift.spec_hash: drift for drift in list_serving_drifts(session)}
        alarms, withdrawn = list_standing_alarms(session), list_withdrawn_alarms(session)
    return [
        StrategyObject(
            name=own.name,
            engine=own.engine.name,
            model=own.engine.model,
            method=own.decoding.name,
            max_output_tokens=own.decoding.max_output_tokens(),
            tags=sorted(own.tags),
            version=stored[own.name].version if own.name in stored else None,
            tariff=dict(stored[own.name].tariff) if own.name in stored else None,
            mode=changes[own.name].mode if own.name in changes else StrategyMode.ENABLED,
            mode_change=_describe_change(changes.get(own.name)) if is_told else None,
            drift=_describe_drift(drifts.get(own.spec_hash), alarms, withdrawn) if is_told else None,
        )
        for own in door.pool.strategies
    ]


def _describe_change(change: StrategyChange | None) -> ModeChange | None:
    if change is None:
        return None
    return ModeChange(changed_by=change.changed_by, reason=change.reason, created_at=change.created_at)


def _describe_drift(
    drift: ServingDrift | None, alarms: Sequence[DriftAlarm], withdrawn: Sequence[DriftAlarm]
) -> Drift | None:
    if drift is None:
        return None
    return Drift(
        outcomes=drift.outcomes,
        log_odds_offset=drift.log_odds_offset,
        cost_ratio=drift.cost_ratio,
        alarms=[say_alarm(alarm) for alarm in alarms if alarm.spec_hash == drift.spec_hash],
        withdrawn=[say_withdrawal(alarm) for alarm in withdrawn if alarm.spec_hash == drift.spec_hash],
    )


@routes.get("/predictors")
def list_all_predictors(door: Door, caller: Caller) -> PredictorList:
    """What was trained, and which version of it serves."""
    with session_scope(door.database) as session:
        versions = list_predictors(session, tenant_id=TENANT, limit=MOST_PREDICTORS)
    told = PredictorObject.model_fields.keys() - {"object"}
    hidden = {} if _is_told(caller) else {"figures": None}
    shown = [{name: getattr(own, name) for name in told} | hidden for own in versions]
    return PredictorList(data=[PredictorObject(**own) for own in shown])


@routes.get("/predictors/{predictor_id}")
def show_predictor(
    door: Door, caller: Caller, predictor_id: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> PredictorReport:
    """Why a version serves or does not: what the gate, its trial and live outcomes said of it."""
    with session_scope(door.database) as session:
        try:
            found = gather_promotion(session, tenant_id=caller.tenant_id, predictor_id=predictor_id)
        except NoSuchRow:
            raise NoSuchObject(f"there is no predictor {predictor_id}", param="predictor_id") from None
    return PredictorReport(**found.to_json())
