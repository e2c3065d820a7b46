"""When a pair has learnt from so much more than the champion that it need not be proven better, only not worse."""

GROWN = 1.5  # times the champion's labels: standard errors shrink by a fifth


def has_grown(labels: int, *, champion_labels: int) -> bool:
    """Whether a challenger that learnt from so many labels serves unless the gate finds it surely worse.

    The champion of a few hundred labels is a poor one, and no night brings enough of them to prove that. It can happen
    once for each half as many labels again, so it ends by itself: ten times until a champion has learnt from 10,000.
    """
    return labels >= GROWN * champion_labels
