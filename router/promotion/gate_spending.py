"""How sure the gate has to be at each of its looks at one champion, so that all of them err as often as stated.

A strategy is trained night after night, and every challenger is compared with the same champion on outcomes that add
up. The looks depend on each other in ways that nobody knows (each challenger is another one), so their chances of error
are added (Bonferroni): a look may use what the labels since the last one have earned.
"""

from router.promotion.gate import GateLook

HORIZON_LABELS = 4000  # in which each label earns the same: as many as one look compares
UP_TO_HORIZON = 0.03
AFTERWARDS = 0.02  # however long a champion serves


def spend_at_gate(labels: int) -> float:
    """The chance of error, one-sided, that may be used up once so many labels came since the champion learnt."""
    if labels <= HORIZON_LABELS:
        return UP_TO_HORIZON * labels / HORIZON_LABELS
    return UP_TO_HORIZON + AFTERWARDS * (1 - HORIZON_LABELS / labels)


def take_look(labels: int, *, looked_at: int) -> GateLook:
    """The next look, when so many were labelled at the one before it at the same champion; 0: there was none."""
    return GateLook(labels=labels, proof_error=max(spend_at_gate(labels) - spend_at_gate(looked_at), 0.0))
