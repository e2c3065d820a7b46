"""What a monitoring system is told, read from the database when it asks; docs/metrics.md says what each one means.

Names that llm-d's router or LiteLLM's proxy have for the same thing are theirs, behind a prefix of our own.
"""

from collections import Counter as Tally
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine as Database

from db.drift import ServingDrift, list_serving_drifts
from db.metrics import (
    AlarmCount,
    BreakerMetrics,
    ExplorationMetrics,
    MetricsScope,
    MoneyMetrics,
    StateCount,
    StrategyMetrics,
    count_alarms,
    count_batches,
    count_jobs,
    count_withdrawals,
    read_breaker_metrics,
    read_exploration_metrics,
    read_money_metrics,
    read_strategy_metrics,
)
from db.session import session_scope
from db.states import BatchStatus, JobState
from db.workers import SeenWorker, list_workers
from router.units import QUANTA_PER_UNIT, Unit

PREFIX = "apportion_"


def write_metrics(database: Database, *, scope: MetricsScope) -> bytes:
    """The metrics as they stand, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Standing(database, scope))
    return generate_latest(registry)


class _Standing(Collector):
    """Reads everything in one transaction."""

    def __init__(self, database: Database, scope: MetricsScope) -> None:
        self._database, self._scope = database, scope

    def describe(self) -> Sequence[Metric]:
        """Nothing beforehand: it would take the queries to know."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every metric with all its labels."""
        scope = self._scope
        with session_scope(self._database) as session:
            strategies = read_strategy_metrics(session, scope=scope)
            money = read_money_metrics(session, scope=scope)
            jobs, batches = count_jobs(session, scope=scope), count_batches(session, scope=scope)
            breakers, workers = read_breaker_metrics(session), list_workers(session)
            explored = read_exploration_metrics(session)
            drifts, alarms = list_serving_drifts(session), count_alarms(session)
            withdrawals = count_withdrawals(session)
        yield from _of_strategies(strategies)
        yield from _of_money(money)
        yield _of_states("jobs", "Jobs by state.", jobs, states=JobState, own=scope.own)
        yield _of_states("batches", "Batches by status.", batches, states=BatchStatus, own=scope.own)
        yield _of_breakers(breakers)
        if not scope.alone:  # what all tenants' answers have come to
            yield from _of_drift(drifts)
            yield _of_alarms("drift_alarm", "Alarms that predictions do not hold.", alarms)
            yield _of_alarms("drift_withdrawal", "Of these, those that were withdrawn later.", withdrawals)
            yield from _of_exploration(explored)
            yield _of_workers(workers)


def _of_strategies(rows: Sequence[StrategyMetrics]) -> Iterator[Metric]:
    counted = {
        "request": ("Requests that were answered, with an error or without.", "answered"),
        "request_error": ("Requests whose answer is an error.", "errors"),
        "graded": ("Answers that a grader looked at.", "graded"),
        "correct": ("Grades of those answers, added up.", "correct"),
    }
    for name, (meaning, field) in counted.items():
        counter = CounterMetricFamily(PREFIX + name, meaning, labels=("strategy", "engine", "tenant"))
        for row in rows:
            counter.add_metric((row.strategy, row.engine, row.tenant), getattr(row, field))
        yield counter
    queued = {
        "requests_waiting": ("Routed requests that no worker has claimed.", "waiting"),
        "requests_running": ("Requests that a worker has claimed and not settled.", "held"),
    }
    for name, (meaning, field) in queued.items():
        gauge = GaugeMetricFamily(PREFIX + name, meaning, labels=("strategy", "engine", "tenant"))
        for row in rows:
            gauge.add_metric((row.strategy, row.engine, row.tenant), getattr(row, field))
        yield gauge


def _of_breakers(rows: Sequence[BreakerMetrics]) -> Metric:
    meaning = "1 while a strategy that keeps failing is left alone."
    gauge = GaugeMetricFamily(PREFIX + "breaker_open", meaning, labels=("strategy", "engine"))
    for row in rows:
        gauge.add_metric((row.strategy, row.engine), float(row.left_alone))
    return gauge


def _of_drift(drifts: Sequence[ServingDrift]) -> Iterator[Metric]:
    corrections = {
        "accuracy_offset": ("Added to log-odds of predicted accuracies, after what was settled.", "log_odds_offset"),
        "cost_ratio": ("By which predicted costs are multiplied, after what was settled.", "cost_ratio"),
    }
    for name, (meaning, field) in corrections.items():
        gauge = GaugeMetricFamily(PREFIX + name, meaning, labels=("strategy", "engine"))
        for drift in drifts:
            gauge.add_metric((drift.strategy, drift.engine), getattr(drift, field))
        yield gauge


def _of_alarms(name: str, meaning: str, alarms: Sequence[AlarmCount]) -> Metric:
    counter = CounterMetricFamily(PREFIX + name, meaning, labels=("strategy", "engine", "broken"))
    for alarm in alarms:
        counter.add_metric((alarm.strategy, alarm.engine, alarm.broken), alarm.count)
    return counter


def _of_money(rows: Sequence[MoneyMetrics]) -> Iterator[Metric]:
    """In whole units, as people say them: dollars, not 1e-12 of one."""
    counted = {
        "spend": ("What answers cost.", "spent"),
        "burned": ("Charged for work that was lost.", "burned"),
        "overrun": ("Billed by servers beyond what was reserved.", "overrun"),
    }
    for name, (meaning, field) in counted.items():
        counter = CounterMetricFamily(PREFIX + name, meaning, labels=("unit", "tenant"))
        for row in rows:
            counter.add_metric((row.unit, row.tenant), _in_units(getattr(row, field), row.unit))
        yield counter
    standing = {
        "reserved_budget": ("Held for requests that run, at their worst case.", "reserved"),
        "max_budget": ("Caps of shared budgets in their newest period.", "shared_cap"),
        "remaining_budget": ("What is left of them.", "shared_left"),
    }
    for name, (meaning, field) in standing.items():
        gauge = GaugeMetricFamily(PREFIX + name, meaning, labels=("unit", "tenant"))
        for row in rows:
            gauge.add_metric((row.unit, row.tenant), _in_units(getattr(row, field), row.unit))
        yield gauge


def _of_exploration(rows: Sequence[ExplorationMetrics]) -> Iterator[Metric]:
    """Every unit, those in which nothing is explored as well."""
    counted = {
        "explored": ("Tasks that tried another strategy than their best, to learn.", "explored"),
        "explored_accuracy": ("Right answers given up for that, as predicted.", "accuracy_given_up"),
        "explored_cost": ("What that may cost more than the best would, at its worst.", "worst_extra_cost"),
    }
    by_unit = {row.unit: row for row in rows}
    for name, (meaning, field) in counted.items():
        counter = CounterMetricFamily(PREFIX + name, meaning, labels=("unit",))
        for unit in Unit:
            value = getattr(by_unit[unit], field) if unit in by_unit else 0
            counter.add_metric((unit.value,), _in_units(value, unit) if field == "worst_extra_cost" else value)
        yield counter


def _in_units(quanta: float, unit: str) -> float:
    return quanta / QUANTA_PER_UNIT[Unit(unit)]


def _of_states(
    name: str, meaning: str, rows: Sequence[StateCount], *, states: type[JobState | BatchStatus], own: str
) -> Metric:
    """Every state of every tenant, those that nothing is in as well: an alert needs a zero to see."""
    gauge = GaugeMetricFamily(PREFIX + name, meaning, labels=("state", "tenant"))
    counts = {(row.state, row.tenant): row.count for row in rows}
    for tenant in sorted({own, *(row.tenant for row in rows)}):
        for state in states:
            gauge.add_metric((state.value, tenant), counts.get((state.value, tenant), 0))
    return gauge


def _of_workers(workers: Sequence[SeenWorker]) -> Metric:
    gauge = GaugeMetricFamily(PREFIX + "workers", "Worker processes by queue.", labels=("queue", "state"))
    tally = Tally((queue, "silent" if seen.is_silent else "present") for seen in workers for queue in seen.queues)
    for labels, count in sorted(tally.items()):
        gauge.add_metric(labels, count)
    return gauge
