"""A report's figures as JSON values, for `--json` of the commands that end with one."""

from dataclasses import asdict
from typing import Any

from gateway.report.values import JobReport


def describe_report(report: JobReport) -> dict[str, Any]:
    """What the terminal's report says; amounts in whole quanta of `unit`, accuracies from 0 to 1."""
    budget, plan = report.budget, report.plan
    return {
        "job": report.job_id,
        "state": report.state,
        "objective": report.objective,
        "tasks": asdict(report.tasks),
        "observed_accuracy": report.observed_accuracy,
        "predicted_accuracy": report.predicted_accuracy,
        "unit": budget.unit.value,
        "cap": budget.cap_quanta,
        "spent": budget.spent_quanta,
        "burned": budget.burned_quanta,
        "overrun": budget.overrun_quanta,
        "shadow_price": plan.shadow_price,
        "strategies": {own.name: {"tasks": own.tasks, "cost": own.cost_quanta} for own in report.strategies},
        "warnings": list(report.warnings),
    }
