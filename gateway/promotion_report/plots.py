"""A version's plots as SVG: calibration beside the champion's, and its trial look by look."""

from collections.abc import Sequence

from gateway.promotion_report.gather import PromotionReport
from gateway.report.plots.theme import ACCENT, BAD, MUTED, themed_figure, write_svg

CALIBRATION, TRIAL = "Calibration", "Trial"
CONFIDENT = 1.96  # standard errors


def draw_plots(report: PromotionReport) -> dict[str, str]:
    """By title, those that there is something to draw for."""
    kept = report.report.get("gate") or {}
    drawn = {}
    if kept.get("challenger_curve"):
        drawn[CALIBRATION] = _draw_calibration(kept["challenger_curve"], kept["champion_curve"])
    looks = [look for look in report.looks if look["policy_gain"]["standard_error"] is not None]
    if looks:
        drawn[TRIAL] = _draw_trial(
            [look["labels"] for look in looks],
            [100 * look["policy_gain"]["mean"] for look in looks],
            [100 * CONFIDENT * look["policy_gain"]["standard_error"] for look in looks],
        )
    return drawn


def _draw_calibration(challenger: Sequence[Sequence[float]], champion: Sequence[Sequence[float]]) -> str:
    with themed_figure(4.6, 4.0) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=MUTED, linestyle=(0, (2, 3)), linewidth=1.4)
        for label, curve, colour in (("this version", challenger, ACCENT), ("champion", champion, MUTED)):
            predicted, observed, share = (list(column) for column in zip(*curve, strict=True))
            sizes = [20 + 300 * each for each in share]
            axes.plot([100 * each for each in predicted], [100 * each for each in observed], color=colour, label=label)
            axes.scatter([100 * x for x in predicted], [100 * y for y in observed], s=sizes, color=colour, alpha=0.6)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_xlabel("predicted accuracy, %")
        axes.set_ylabel("answered right, %")
        axes.legend(loc="upper left")
        words = "Answers right against predicted, on outcomes that neither had learnt from."
        return write_svg(figure, name="promotion-calibration", title=CALIBRATION, description=words)


def _draw_trial(labels: Sequence[int], gain: Sequence[float], reach: Sequence[float]) -> str:
    with themed_figure(4.6, 4.0) as (figure, axes):
        axes.axhline(0, color=BAD, linewidth=1, linestyle=(0, (2, 3)))
        axes.errorbar(labels, gain, yerr=reach, color=ACCENT, marker="o", capsize=3)
        axes.set_xlabel("labelled tasks of the trial")
        axes.set_ylabel("gain over all tasks, points")
        words = f"{gain[-1]:+.2f} points over all tasks after {labels[-1]} labels."
        return write_svg(figure, name="promotion-trial", title=TRIAL, description=words)
