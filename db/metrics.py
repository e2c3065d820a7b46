"""Counts over everything in the database, for a monitoring system: by few and known labels, whatever the load."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class StrategyMetrics:
    """What all versions of a strategy did and have to do, for all tenants."""

    strategy: str
    engine: str
    answered: int
    errors: int
    graded: int
    correct: float
    waiting: int  # tasks in groups that no worker has
    held: int  # tasks in groups that a worker has, and not settled
    left_alone: bool  # its breaker is open


@dataclass(frozen=True, kw_only=True)
class AlarmCount:
    """How often a strategy's predictions were found broken in one way."""

    strategy: str
    engine: str
    broken: str
    count: int


@dataclass(frozen=True, kw_only=True)
class MoneyMetrics:
    """What all budgets of a unit stand at, in quanta."""

    unit: str
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
    """How many there are in a state."""

    state: str
    count: int


_BY_STRATEGY = text("""
    SELECT strategy.name AS strategy, strategy.spec ->> 'engine' AS engine,
           coalesce(sum(done.answered), 0)::bigint AS answered, coalesce(sum(done.errors), 0)::bigint AS errors,
           coalesce(sum(done.graded), 0)::bigint AS graded, coalesce(sum(done.correct), 0)::float8 AS correct,
           coalesce(sum(done.waiting), 0)::bigint AS waiting, coalesce(sum(done.held), 0)::bigint AS held,
           bool_or(EXISTS (SELECT FROM breaker WHERE breaker.strategy_id = strategy.id
                           AND open_until > clock_timestamp() AND changed_at <= clock_timestamp())) AS left_alone
    FROM strategy
    LEFT JOIN (
        SELECT strategy_id, sum(answered) AS answered, sum(errors) AS errors, sum(graded) AS graded,
               sum(correct) AS correct,
               sum(cardinality(seqs) - settled) FILTER (WHERE state = 'ready') AS waiting,
               sum(cardinality(seqs) - settled) FILTER (WHERE state = 'claimed') AS held
        FROM grp GROUP BY strategy_id
    ) AS done ON done.strategy_id = strategy.id
    GROUP BY 1, 2 ORDER BY 1, 2
""")

_ALARMS = text("""
    SELECT strategy.name AS strategy, strategy.spec ->> 'engine' AS engine, alarm.broken, count(*) AS count
    FROM drift_alarm AS alarm JOIN strategy ON strategy.id = alarm.strategy_id
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")

_BY_UNIT = text("""
    SELECT unit, sum(spent)::text AS spent, sum(burned)::text AS burned, sum(overrun)::text AS overrun,
           sum(reserved)::text AS reserved,
           coalesce(sum(cap) FILTER (WHERE shared AND newest), 0)::text AS shared_cap,
           coalesce(sum(cap - spent - burned - reserved) FILTER (WHERE shared AND newest), 0)::text AS shared_left
    FROM (
        SELECT *, period_start IS NOT DISTINCT FROM max(period_start) OVER (PARTITION BY tenant_id, name, shared)
               AS newest
        FROM budget
    ) AS known
    GROUP BY unit ORDER BY unit
""")

_EXPLORED = text("""
    SELECT budget.unit, sum(cardinality(explored))::bigint AS explored, sum(accuracy_given_up) AS accuracy_given_up,
           sum(worst_extra_cost) AS worst_extra_cost
    FROM exploration JOIN job ON job.id = exploration.job_id JOIN budget ON budget.id = job.budget_id
    GROUP BY budget.unit ORDER BY budget.unit
""")

_JOBS = text("SELECT state, count(*) AS count FROM job GROUP BY state ORDER BY state")
_BATCHES = text("SELECT status AS state, count(*) AS count FROM batch GROUP BY status ORDER BY status")


def read_strategy_metrics(session: Session) -> list[StrategyMetrics]:
    """One for each name and engine."""
    return [StrategyMetrics(**row._mapping) for row in session.execute(_BY_STRATEGY)]


def count_alarms(session: Session) -> list[AlarmCount]:
    """One for each strategy and way that there was an alarm of."""
    return [AlarmCount(**row._mapping) for row in session.execute(_ALARMS)]


def read_money_metrics(session: Session) -> list[MoneyMetrics]:
    """One for each unit that some budget is in."""
    rows = [row._asdict() for row in session.execute(_BY_UNIT)]
    return [MoneyMetrics(unit=row.pop("unit"), **{name: int(amount) for name, amount in row.items()}) for row in rows]


def read_exploration_metrics(session: Session) -> list[ExplorationMetrics]:
    """One for each unit in which something was explored."""
    return [ExplorationMetrics(**row._mapping) for row in session.execute(_EXPLORED)]


def count_jobs(session: Session) -> Sequence[StateCount]:
    """Jobs in each state."""
    return [StateCount(**row._mapping) for row in session.execute(_JOBS)]


def count_batches(session: Session) -> Sequence[StateCount]:
    """Batches in each status."""
    return [StateCount(**row._mapping) for row in session.execute(_BATCHES)]
