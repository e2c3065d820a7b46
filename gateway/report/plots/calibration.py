"""Predictions beside what happened: accuracy in bins, cost task by task."""

from gateway.report.amounts import choose_scale, say_cost
from gateway.report.plots.theme import ACCENT, INK, MUTED, PAPER, strategy_colour, themed_figure, write_svg
from gateway.report.values import JobReport


def draw_accuracy_calibration(report: JobReport) -> str:
    """Observed against predicted accuracy with 95% intervals, as inline SVG."""
    with themed_figure(5.2, 4.4) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=MUTED, linestyle=(0, (2, 3)), linewidth=1.4)
        axes.annotate("as predicted", (97, 97), xytext=(-6, 0), textcoords="offset points", ha="right", color=MUTED)
        for part in report.accuracy_bins:
            axes.vlines(100 * part.predicted, 100 * part.low, 100 * part.high, color=ACCENT, linewidth=2, alpha=0.5)
        predicted = [100 * part.predicted for part in report.accuracy_bins]
        observed = [100 * part.observed for part in report.accuracy_bins]
        axes.scatter(predicted, observed, s=60, color=ACCENT, edgecolor=PAPER, zorder=3)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_xlabel("predicted accuracy, %")
        axes.set_ylabel("answered right, %")
        inside = sum(part.low <= part.predicted <= part.high for part in report.accuracy_bins)
        words = f"{inside} of {len(report.accuracy_bins)} bins of tasks are as predicted within 95%."
        return write_svg(figure, name="accuracy", title="Predicted against observed accuracy", description=words)


def draw_cost_calibration(report: JobReport) -> str:
    """Actual against predicted cost of each task, coloured by strategy, as inline SVG."""
    largest = max(max(pair.predicted_quanta, pair.actual_quanta) for pair in report.cost_pairs)
    scale = choose_scale(report.unit, largest)
    with themed_figure(5.2, 4.4) as (figure, axes):
        edge = scale.value(largest) * 1.05
        axes.plot([0, edge], [0, edge], color=MUTED, linestyle=(0, (2, 3)), linewidth=1.4)
        for index, strategy in enumerate(report.strategies):
            pairs = [pair for pair in report.cost_pairs if pair.strategy == strategy.name]
            predicted = [scale.value(pair.predicted_quanta) for pair in pairs]
            actual = [scale.value(pair.actual_quanta) for pair in pairs]
            if pairs:
                colour = strategy_colour(index)
                axes.scatter(predicted, actual, s=24, color=colour, alpha=0.75, linewidth=0, label=strategy.name)
        axes.set_xlim(0, edge)
        axes.set_ylim(0, edge)
        axes.set_xlabel(f"predicted cost of a task, {scale.label}")
        axes.set_ylabel(f"actual cost, {scale.label}")
        axes.legend(loc="upper left", labelcolor=INK, handletextpad=0.2)
        predicted_total, paid = report.ran_predicted_quanta, report.ran_cost_quanta
        words = f"Predicted {say_cost(predicted_total, report.unit)} in all, paid {say_cost(paid, report.unit)}."
        return write_svg(figure, name="cost", title="Predicted against actual cost", description=words)
