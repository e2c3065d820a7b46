"""What was spent and held as the job went on, under the cap."""

from gateway.report.amounts import choose_scale, say_cost
from gateway.report.plots.theme import ACCENT, BAD, INK, themed_figure, write_svg
from gateway.report.values import JobReport


def draw_spend(report: JobReport) -> str:
    """Spend over time with the reservations stacked on it, as inline SVG."""
    cap = report.budget.cap_quanta
    scale = choose_scale(report.unit, max(cap or 0, *(p.spent_quanta + p.reserved_quanta for p in report.spend)))
    seconds = [point.seconds for point in report.spend]
    spent = [scale.value(point.spent_quanta) for point in report.spend]
    held = [scale.value(point.spent_quanta + point.reserved_quanta) for point in report.spend]
    with themed_figure(5.2, 4.4) as (figure, axes):
        in_flight = axes.fill_between(seconds, spent, held, step="post", color=ACCENT, alpha=0.22, linewidth=0)
        in_flight.set_label("held for work in flight")
        axes.fill_between(seconds, 0, spent, step="post", color=ACCENT, alpha=0.55, linewidth=0)
        axes.step(seconds, spent, where="post", color=ACCENT, linewidth=2.2, label="spent")
        if cap is not None:
            axes.axhline(scale.value(cap), color=BAD, linewidth=1.6, linestyle=(0, (6, 3)))
            axes.annotate("cap", (0, scale.value(cap)), xytext=(3, 4), textcoords="offset points", color=INK)
        axes.set_xlim(0, max(seconds[-1], 1e-3))
        axes.set_ylim(0, 1.12 * max([*held, scale.value(cap or 0)]) or 1)
        axes.set_xlabel("seconds since the start")
        axes.set_ylabel(scale.label)
        axes.legend(loc="upper left", bbox_to_anchor=(0.01, 0.86))  # below the cap, above the early spend
        ending = f"{say_cost(report.budget.used_quanta, report.unit)} spent at the end"
        words = ending if cap is None else f"{ending}, under a cap of {say_cost(cap, report.unit)}"
        return write_svg(figure, name="spend", title="Spend over time", description=words)
