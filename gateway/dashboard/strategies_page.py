"""Strategies: how well they are predicted, and which predictors served them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from db.breakers import OpenBreaker, list_open_breakers
from db.drift import DriftAlarm, ServingDrift, list_serving_drifts, list_standing_alarms, list_withdrawn_alarms
from db.predictor_history import PredictorVersion, list_predictor_versions
from db.session import session_scope
from db.strategies import StoredStrategy, list_latest_strategies
from db.strategy_modes import StrategyChange, read_latest_changes
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.calibration_pool import Experience, gather_experience
from gateway.dashboard.charts.calibration_chart import draw_calibration
from gateway.dashboard.charts.chart import Chart
from gateway.dashboard.pages import render_page, render_parts
from gateway.dashboard.strategy_rows import measure_cost_ratio
from gateway.dashboard.visitor import Looking, Visitor
from gateway.drift_words import say_alarm, say_withdrawal
from gateway.promotion_report.sentences import say_kind, say_why
from gateway.report.amounts import say_cost
from gateway.report.facts import describe_spec
from router.tariff import Tariff
from router.units import Unit
from worker.submission import TENANT

routes = APIRouter()

PARTS = ("strategies_cards",)
LISTED_VERSIONS = 10
TYPICAL_PROMPT, TYPICAL_OUTPUT = 1000, 100  # tokens, as `apportion strategies list` prices them


@dataclass(frozen=True, kw_only=True)
class StrategyCard:
    """One strategy, which serves every tenant; what is known of it from answers is the visitor's own."""

    strategy: StoredStrategy
    description: str
    prices: Sequence[str]  # of a typical task, in every unit that tells strategies apart
    answered: int  # in the sample
    cost_ratio: float | None  # settled over predicted, in the sample
    chart: Chart | None
    versions: Sequence[PredictorVersion]
    kinds: Sequence[str]  # of each version: of the strategy's own outcomes, or what stands in for that
    reasons: Sequence[str]  # of each version: why it stands as it does
    breaker: OpenBreaker | None
    change: StrategyChange | None  # None: it was always enabled
    drift: ServingDrift | None
    alarms: Sequence[str]
    withdrawals: Sequence[str]


@routes.get("/strategies")
def show_strategies(request: Request, door: Door, visitor: Looking) -> Response:
    """The page."""
    return render_page(request, "strategies.html.j2", _gather(request, door, visitor))


@routes.get("/strategies/live")
def renew_strategies(request: Request, door: Door, visitor: Looking) -> Response:
    """What changes on it; there is always a next answer, or a next predictor."""
    return render_parts(request, PARTS, _gather(request, door, visitor), goes_on=True)


def _gather(request: Request, door: FrontDoor, visitor: Visitor) -> Mapping[str, Any]:
    known = request.app.state.final_samples
    with session_scope(door.database) as session:
        strategies = list_latest_strategies(session, tenant_id=TENANT)
        gathered = gather_experience(session, tenant_id=visitor.tenant_id, known=known)
        open_breakers = list_open_breakers(session, strategy_ids=[strategy.id for strategy in strategies])
        breakers = {breaker.strategy_id: breaker for breaker in open_breakers}
        life = _read_life(session, visitor)
        cards = [
            _describe(session, strategy, gathered.get(strategy.name), breakers.get(strategy.id), life=life)
            for strategy in strategies
        ]
    return {"cards": cards, "is_told": visitor.keeps_strategies}


class _Life(NamedTuple):
    changes: Mapping[str, StrategyChange]  # by name
    drifts: Mapping[str, ServingDrift]  # by spec hash
    alarms: Sequence[DriftAlarm]
    withdrawn: Sequence[DriftAlarm]


def _read_life(session: Session, visitor: Visitor) -> _Life:
    changes = read_latest_changes(session, tenant_id=TENANT)
    if not visitor.keeps_strategies:
        return _Life(changes, {}, (), ())
    drifts = {drift.spec_hash: drift for drift in list_serving_drifts(session)}
    return _Life(changes, drifts, list_standing_alarms(session), list_withdrawn_alarms(session))


def _describe(
    session: Session,
    strategy: StoredStrategy,
    experience: Experience | None,
    breaker: OpenBreaker | None,
    *,
    life: _Life,
) -> StrategyCard:
    chart = ratio = None
    if experience is not None:
        name = f"calibration-{strategy.id}"
        chart = draw_calibration(experience.predicted, experience.grade, name=name, title=strategy.name)
        ratio = measure_cost_ratio(experience.paid, experience.predicted_cost)
    versions = list_predictor_versions(
        session, tenant_id=strategy.tenant_id, spec_hash=strategy.spec_hash, limit=LISTED_VERSIONS
    )
    return StrategyCard(
        strategy=strategy,
        description=describe_spec(strategy),
        prices=_say_prices(strategy),
        answered=0 if experience is None else len(experience.paid),
        cost_ratio=ratio,
        chart=chart,
        versions=versions,
        kinds=[say_kind(version.meta.get("figures", {})) for version in versions],
        reasons=[say_why(version.report, state=version.state) for version in versions],
        breaker=breaker,
        change=life.changes.get(strategy.name),
        drift=life.drifts.get(strategy.spec_hash),
        alarms=[say_alarm(alarm) for alarm in life.alarms if alarm.spec_hash == strategy.spec_hash],
        withdrawals=[say_withdrawal(alarm) for alarm in life.withdrawn if alarm.spec_hash == strategy.spec_hash],
    )


def _say_prices(stored: StoredStrategy) -> Sequence[str]:
    tariff = Tariff.from_json(stored.tariff)
    return [
        say_cost(tariff.charge(unit, prompt_tokens=TYPICAL_PROMPT, output_tokens=TYPICAL_OUTPUT), unit)
        for unit in Unit
        if unit in tariff.prices and unit is not Unit.TOKENS
    ]
