"""How sure the gate has to be at each of its looks at one champion, so that all of them err as often as stated.

A strategy is trained night after night, and every challenger is compared with the same champion on outcomes that add
up. The looks depend on each other in ways that nobody knows (each challenger is another one), so their chances of error
are added (Bonferroni): a look may use what the labels since the last one have earned. The less a champion has learnt
from, the more each of them earns: a pair of a few hundred outcomes is soon a worse guess than one of twice as many.
"""

from router.promotion.gate import GateLook

# Labels up to which each earns the same: as many as the champion learnt from, within these. The most is what one look
# compares.
LEAST_HORIZON, MOST_HORIZON = 100, 4000
UP_TO_HORIZON = 0.03
AFTERWARDS = 0.02  # however long a champion serves


def spend_at_gate(labels: int, *, learnt: int) -> float:
    """The chance of error, one-sided, that may be used up once so many labels came since the champion learnt."""
    horizon = min(max(learnt, LEAST_HORIZON), MOST_HORIZON)
    if labels <= horizon:
        return UP_TO_HORIZON * labels / horizon
    return UP_TO_HORIZON + AFTERWARDS * (1 - horizon / labels)


def take_look(labels: int, *, looked_at: int, learnt: int) -> GateLook:
    """The next look at a champion that learnt from so many labels, when there were `looked_at` at the one before it."""
    earned, used = (spend_at_gate(count, learnt=learnt) for count in (labels, looked_at))
    return GateLook(labels=labels, proof_error=max(earned - used, 0.0))
