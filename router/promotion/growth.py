"""When a pair learnt from so much more than the champion that it need not be proven better, and whether one will."""

from router.promotion.gate import GateReason, GateReport

GROWN = 1.5  # times the champion's labels: standard errors shrink by a fifth
# Times the champion's labels, where nothing speaks against the challenger: standard errors shrink by a tenth.
GROWN_A_LITTLE = 1.2
AGAINST = (GateReason.LOSS_NOT_LOWER, GateReason.LOSS_LIKELY_HIGHER)


def has_grown(report: GateReport, *, labels: int, champion_labels: int) -> bool:
    """Whether a challenger that learnt from so many labels serves unless the gate finds it surely worse.

    The champion of a few hundred labels is a poor one, and no night brings enough of them to prove that. Half as many
    again are enough whatever the gate saw short of that; a fifth more, if they are of tasks that are new to the
    champion, where its log loss is no higher, or where those are too few to tell and say nothing against it. It can
    happen once for each fifth, so it ends by itself: 21 times until a champion has learnt from 10,000.
    """
    if labels >= GROWN * champion_labels:
        return True
    fifth = (GROWN_A_LITTLE - 1) * champion_labels
    has_news = labels >= champion_labels + fifth and report.outcomes >= fifth
    return has_news and not any(finding.reason in AGAINST for finding in report.findings)


def will_grow(labels: int, *, to_come: int, most: int, champion_labels: int) -> bool:
    """Whether a pair of so many labels, of `most` at most, will have a successor that has grown by a fifth."""
    return min(labels + to_come, most) >= GROWN_A_LITTLE * champion_labels
