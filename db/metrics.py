"""Counts over everything in the database, for a monitoring system: by few and known labels, whatever the load."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from db.drift import IN_LINE, WITHDRAWN

MOST_TENANTS = 50  # told by their names; those that came later are told together
OTHERS = "other"


@dataclass(frozen=True, kw_only=True)
class MetricsScope:
    """Whose figures are told."""

    own: str  # the tenant of figures that nobody has yet
    alone: bool  # whether no other tenant's are told


@dataclass(frozen=True, kw_only=True)
class StrategyMetrics:
    """What all versions of a strategy did and have to do for a tenant."""

    strategy: str
    engine: str
    tenant: str
    answered: int
    errors: int
    graded: int
    correct: float
    waiting: int  # tasks in groups that no worker has
    held: int  # tasks in groups that a worker has, and not settled


@dataclass(frozen=True, kw_only=True)
class BreakerMetrics:
    """Whether a strategy that keeps failing is left alone."""

    strategy: str
    engine: str
    left_alone: bool


@dataclass(frozen=True, kw_only=True)
class AlarmCount:
    """How often a strategy's predictions were found broken in one way."""

    strategy: str
    engine: str
    broken: str
    count: int


@dataclass(frozen=True, kw_only=True)
class MoneyMetrics:
    """What a tenant's budgets of a unit stand at, in quanta."""

    unit: str
    tenant: str
    spent: int
    burned: int
    overrun: int
    reserved: int
    shared_cap: int  # of shared budgets, of each the newest period
    shared_left: int


@dataclass(frozen=True, kw_only=True)
class ExplorationMetrics:
    """What exploring comes to in all jobs of a unit; from windows alone, in the mean over their draws."""

    unit: str
    explored: int  # tasks that were drawn to another strategy than their best
    accuracy_given_up: float  # right answers, as predicted
    worst_extra_cost: float  # quanta


@dataclass(frozen=True, kw_only=True)
class StateCount:
    """How many of a tenant there are in a state."""

    state: str
    tenant: str
    count: int


# A tenant is named by when its first budget was opened, so that no later one takes its name away: counters only grow.
_NAMED = "WITH named AS (SELECT tenant_id FROM budget GROUP BY tenant_id ORDER BY min(id) LIMIT :most)"
_TENANT = (
    "CASE WHEN tenant_id = :own OR tenant_id IN (SELECT tenant_id FROM named) THEN tenant_id ELSE :others END AS tenant"
)
_TOLD = "(tenant_id = :own OR NOT :alone)"

_BY_STRATEGY = text(f"""
    {_NAMED}
    SELECT strategy.name AS strategy, strategy.spec ->> 'engine' AS engine, coalesce(done.tenant, :own) AS tenant,
           coalesce(sum(done.answered), 0)::bigint AS answered, coalesce(sum(done.errors), 0)::bigint AS errors,
           coalesce(sum(done.graded), 0)::bigint AS graded, coalesce(sum(done.correct), 0)::float8 AS correct,
           coalesce(sum(done.waiting), 0)::bigint AS waiting, coalesce(sum(done.held), 0)::bigint AS held
    FROM strategy
    LEFT JOIN (
        SELECT strategy_id, {_TENANT}, sum(answered) AS answered, sum(errors) AS errors, sum(graded) AS graded,
               sum(correct) AS correct,
               sum(cardinality(seqs) - settled) FILTER (WHERE state = 'ready') AS waiting,
               sum(cardinality(seqs) - settled) FILTER (WHERE state = 'claimed') AS held
        FROM grp WHERE {_TOLD} GROUP BY 1, 2
    ) AS done ON done.strategy_id = strategy.id
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")  # noqa: S608 - of constants alone

_BREAKERS = text("""
    SELECT strategy.name AS strategy, strategy.spec ->> 'engine' AS engine,
           bool_or(EXISTS (SELECT FROM breaker WHERE breaker.strategy_id = strategy.id
                           AND open_until > clock_timestamp() AND changed_at <= clock_timestamp())) AS left_alone
    FROM strategy GROUP BY 1, 2 ORDER BY 1, 2
""")

_COUNTED = f"""
    SELECT strategy.name AS strategy, strategy.spec ->> 'engine' AS engine, {{broken}} AS broken, count(*) AS count
    FROM ({IN_LINE.format(which="true")}) AS alarm JOIN strategy ON strategy.id = alarm.strategy_id
    WHERE alarm.broken {{which}} '{WITHDRAWN}'
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - of constants alone
_ALARMS = text(_COUNTED.format(broken="alarm.broken", which="<>"))
_WITHDRAWALS = text(_COUNTED.format(broken="alarm.broken_before", which="="))

_BY_UNIT = text(f"""
    {_NAMED}
    SELECT unit, {_TENANT}, sum(spent)::text AS spent, sum(burned)::text AS burned, sum(overrun)::text AS overrun,
           sum(reserved)::text AS reserved,
           coalesce(sum(cap) FILTER (WHERE shared AND newest), 0)::text AS shared_cap,
           coalesce(sum(cap - spent - burned - reserved) FILTER (WHERE shared AND newest), 0)::text AS shared_left
    FROM (
        SELECT *, period_start IS NOT DISTINCT FROM max(period_start) OVER (PARTITION BY tenant_id, name, shared)
               AS newest
        FROM budget WHERE {_TOLD}
    ) AS known
    GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608 - of constants alone

_EXPLORED = text("""
    SELECT budget.unit, sum(cardinality(explored))::bigint AS explored, sum(accuracy_given_up) AS accuracy_given_up,
           sum(worst_extra_cost) AS worst_extra_cost
    FROM exploration JOIN job ON job.id = exploration.job_id JOIN budget ON budget.id = job.budget_id
    GROUP BY budget.unit ORDER BY budget.unit
""")

_STATES = (
    f"{_NAMED} SELECT {{column}} AS state, {_TENANT}, count(*) AS count FROM {{table}} WHERE {_TOLD} GROUP BY 1, 2"  # noqa: S608
)
_JOBS = text(_STATES.format(column="state", table="job"))
_BATCHES = text(_STATES.format(column="status", table="batch"))


def read_strategy_metrics(session: Session, *, scope: MetricsScope) -> list[StrategyMetrics]:
    """One for each name, engine and tenant; of strategies that nobody has used, zeros."""
    return [StrategyMetrics(**row) for row in _read(session, _BY_STRATEGY, scope)]


def count_alarms(session: Session) -> list[AlarmCount]:
    """One for each strategy and way that there was an alarm of."""
    return [AlarmCount(**row._mapping) for row in session.execute(_ALARMS)]


def count_withdrawals(session: Session) -> list[AlarmCount]:
    """One for each strategy and way that an alarm of was withdrawn."""
    return [AlarmCount(**row._mapping) for row in session.execute(_WITHDRAWALS)]


def read_exploration_metrics(session: Session) -> list[ExplorationMetrics]:
    """One for each unit in which something was explored."""
    return [ExplorationMetrics(**row._mapping) for row in session.execute(_EXPLORED)]


def read_breaker_metrics(session: Session) -> list[BreakerMetrics]:
    """One for each name and engine: strategies are the deployment's."""
    return [BreakerMetrics(**row._mapping) for row in session.execute(_BREAKERS)]


def read_money_metrics(session: Session, *, scope: MetricsScope) -> list[MoneyMetrics]:
    """One for each tenant and unit that some budget is in."""
    return [_make_money(**row) for row in _read(session, _BY_UNIT, scope)]


def count_jobs(session: Session, *, scope: MetricsScope) -> Sequence[StateCount]:
    """Jobs in each state."""
    return [StateCount(**row) for row in _read(session, _JOBS, scope)]


def count_batches(session: Session, *, scope: MetricsScope) -> Sequence[StateCount]:
    """Batches in each status."""
    return [StateCount(**row) for row in _read(session, _BATCHES, scope)]


def _read(session: Session, query: TextClause, scope: MetricsScope) -> list[dict[str, Any]]:
    given = {"most": MOST_TENANTS, "others": OTHERS, "own": scope.own, "alone": scope.alone}
    return [row._asdict() for row in session.execute(query, given)]


def _make_money(*, unit: str, tenant: str, **amounts: str) -> MoneyMetrics:
    return MoneyMetrics(unit=unit, tenant=tenant, **{name: int(amount) for name, amount in amounts.items()})
