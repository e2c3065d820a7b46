"""How the tasks, and the money, were shared out among the strategies."""

from typing import TYPE_CHECKING

from gateway.report.amounts import report_scale, say_share
from gateway.report.plots.theme import INK, strategy_colour, themed_figure, write_svg
from gateway.report.values import JobReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_mix(report: JobReport) -> str:
    """Two bars for each strategy, its share of the tasks above its share of the cost, as inline SVG."""
    tasks = max(1, sum(strategy.tasks for strategy in report.strategies))
    cost = max(1, sum(strategy.cost_quanta for strategy in report.strategies))
    scale = report_scale(report)
    with themed_figure(5.2, max(3.0, 0.52 * len(report.strategies) + 0.8)) as (figure, axes):
        for index, strategy in enumerate(report.strategies):
            _draw_bar(axes, index - 0.19, 100 * strategy.tasks / tasks, f"{strategy.tasks:,} tasks", index=index)
            spent = scale.text(strategy.cost_quanta)
            _draw_bar(axes, index + 0.19, 100 * strategy.cost_quanta / cost, spent, index=index, alpha=0.45)
        axes.set_yticks(range(len(report.strategies)), [strategy.name for strategy in report.strategies])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"% of the tasks (full) and of the cost (pale, {scale.label})")
        words = [f"{s.name} {say_share(s.tasks / tasks, 0)} of the tasks" for s in report.strategies if s.tasks]
        return write_svg(figure, name="mix", title="Mix of strategies", description=", ".join(words))


def _draw_bar(axes: "Axes", y: float, share: float, words: str, *, index: int, alpha: float = 1.0) -> None:
    axes.barh(y, share, height=0.34, color=strategy_colour(index), alpha=alpha)
    place = (4, 0)
    axes.annotate(words, (share, y), xytext=place, textcoords="offset points", va="center", fontsize=9, color=INK)
