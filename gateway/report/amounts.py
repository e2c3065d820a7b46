"""Costs in words and at one scale, so that a column or an axis reads in plain numbers."""

import math
from dataclasses import dataclass

from gateway.report.values import JobReport
from router.units import QUANTA_PER_UNIT, Amount, Unit, format_amount

SMALLEST = 1e-30  # under this nothing is worth a scale of its own
UNKNOWN, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True)
class CostScale:
    """How costs of a report are written as plain numbers: in multiples of `label`."""

    label: str  # "1e12 FLOPs"
    quanta: float  # in one such multiple

    def value(self, quanta: float) -> float:
        """The cost in multiples of the label."""
        return quanta / self.quanta

    def text(self, quanta: float) -> str:
        """The cost as a plain number with two decimals, so that a column of them lines up."""
        value = self.value(quanta)
        return "<0.01" if 0 < value < 0.005 else f"{value:,.2f}"


def choose_scale(unit: Unit, largest_quanta: float) -> CostScale:
    """A power of a thousand of the unit under which the largest cost is a number between 1 and 1000."""
    largest = largest_quanta / QUANTA_PER_UNIT[unit]
    exponent = 3 * math.floor(math.log10(largest) / 3) if largest > SMALLEST else 0
    label = unit.value if exponent == 0 else f"1e{exponent} {unit.value}"
    return CostScale(label=label, quanta=QUANTA_PER_UNIT[unit] * 10.0**exponent)


def report_scale(report: JobReport) -> CostScale:
    """The scale of the job's totals: its spend, its cap and what each strategy would cost alone."""
    alone = [strategy.alone_cost_quanta for strategy in report.strategies]
    return choose_scale(report.unit, max([*alone, report.budget.used_quanta, report.budget.cap_quanta or 0]))


def say_cost(quanta: float, unit: Unit) -> str:
    """A cost for a sentence: "3.50e14 FLOPs"; parse_budget reads it back."""
    return format_amount(Amount(unit=unit, quanta=round(quanta))).replace("e+", "e")


def say_cost_of(quanta: float, cap_quanta: float, unit: Unit) -> str:
    """A cost beside its cap: "3.40e14 of 3.50e14 FLOPs (97%)"."""
    share = quanta / cap_quanta if cap_quanta else 0.0
    spent = say_cost(quanta, unit).removesuffix(f" {unit.value}")
    return f"{spent} of {say_cost(cap_quanta, unit)} ({say_share(share, 0)})"


def say_share(share: float | None, digits: int = 1) -> str:
    """An accuracy or a share as percent, or a dash where it is not known."""
    return UNKNOWN if share is None else f"{100 * share:.{digits}f}%"


def say_points(difference: float) -> str:
    """A difference of two accuracies in points, always signed."""
    return f"{100 * difference:+.1f}".replace("-", MINUS)


def say_cost_against(cost_share: float) -> str:
    """A share of another cost that was saved, as a person would compare the two."""
    if abs(cost_share) < 0.01:
        return "costs as much"
    if cost_share > 0:
        return f"saves {100 * cost_share:.0f}%"
    return f"costs {1 - cost_share:.{1 if cost_share > -9 else 0}f}{TIMES}"


def say_change(ratio: float) -> str:
    """How far a ratio is from one, as signed percent."""
    return f"{100 * (ratio - 1):+.1f}%".replace("-", MINUS)


def say_shadow_price(price: float, unit: Unit) -> str:
    """A shadow price above 0 (right answers per quantum) in words a person can check."""
    return f"one more right answer costs about {say_cost(1 / price, unit)} at the margin"


def say_seconds(seconds: float) -> str:
    """A duration as a person would say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
