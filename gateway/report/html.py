"""A job's report as one HTML page that needs nothing but itself."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.report import amounts
from gateway.report.exploration import say_exploration
from gateway.report.judging import say_judging
from gateway.report.measures import best_single, compare_with_singles
from gateway.report.plots.calibration import draw_accuracy_calibration, draw_cost_calibration
from gateway.report.plots.frontier import draw_frontier
from gateway.report.plots.mix import draw_mix
from gateway.report.plots.spend import draw_spend
from gateway.report.plots.theme import STRATEGY_COLOURS
from gateway.report.second_chances import say_second_chances
from gateway.report.sentences import say_certificate, say_counts, say_price, say_right
from gateway.report.values import JobReport

TEMPLATE = "report.html.j2"
LISTED_DECISIONS = 2000


def render_html(report: JobReport) -> str:
    """The whole page: styles, plots and script inside, nothing loaded from anywhere."""
    page = Environment(
        loader=PackageLoader("gateway.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters.update(
        cost=lambda quanta: amounts.say_cost(quanta, report.unit),
        share=amounts.say_share,
        points=amounts.say_points,
        seconds=amounts.say_seconds,
        against=amounts.say_cost_against,
    )
    return page.get_template(TEMPLATE).render(_page_values(report))


def _page_values(report: JobReport) -> Mapping[str, Any]:
    return {
        "report": report,
        "by_name": {strategy.name: strategy for strategy in report.strategies},
        "colour_of": {s.name: f"var(--s{i % STRATEGY_COLOURS})" for i, s in enumerate(report.strategies)},
        "scale": amounts.report_scale(report),
        "task_scale": _task_scale(report),
        "savings": compare_with_singles(report),
        "best_single": best_single(report),
        "right_words": say_right(report),
        "certificate_words": say_certificate(report),
        "price_words": say_price(report),
        "count_words": say_counts(report),
        "explored_words": None if report.exploration is None else say_exploration(report.exploration, unit=report.unit),
        "again_words": report.second_chances and say_second_chances(report.second_chances, unit=report.unit),
        "judged_words": report.judging and say_judging(report.judging),
        "decisions": report.decisions[:LISTED_DECISIONS],
        "plots": _draw_plots(report),
    }


def _task_scale(report: JobReport) -> amounts.CostScale:
    costs = [row.cost_quanta for row in report.decisions if row.cost_quanta is not None]
    options = [option.cost_quanta for example in report.examples for option in example.options]
    return amounts.choose_scale(report.unit, max([*costs, *options], default=0))


def _draw_plots(report: JobReport) -> Mapping[str, str]:
    """The plots there is something to show in, by name."""
    plots = {"mix": draw_mix(report)}
    if len(report.frontier) > 1:
        plots["frontier"] = draw_frontier(report)
    if report.spend:
        plots["spend"] = draw_spend(report)
    if report.accuracy_bins:
        plots["accuracy"] = draw_accuracy_calibration(report)
    if report.cost_pairs:
        plots["cost"] = draw_cost_calibration(report)
    return plots
