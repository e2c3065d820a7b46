"""What is told of a fall that passes: bad luck ends with its alarm, a strategy that fell goes on for a while.

A made strategy whose predictions hold (accuracies of Beta(7, 3)) answers 1,000 tasks, then loses some points until
there is an alarm and for so many answers more; then it is as before.
"""

import numpy as np

from router.drift.watch import UNSEEN, Broken, Settled, note_settled

FALLS = (0.4, 0.3, 0.2, 0.1)
LASTING = (0, 20, 50, 100, 300)  # answers after the alarm
QUIET = 1000  # answers before
MOST = 4000  # answers that are looked at


def list_passing(*, times: int) -> list[tuple[str, ...]]:
    """For each fall how often, of so many, its alarm was withdrawn, by how long it lasted."""
    return [
        (f"-{100 * fall:.0f}", *(f"{_count(fall, lasting, times) / times:.0%}" for lasting in LASTING))
        for fall in FALLS
    ]


def _count(fall: float, lasting: int, times: int) -> int:
    return sum(_is_withdrawn(fall, lasting, seed) for seed in range(times))


def _is_withdrawn(fall: float, lasting: int, seed: int) -> bool:
    """Whether that is the next that is told after the alarm about the fall."""
    rng = np.random.default_rng(seed)
    watch, told_at = UNSEEN, None
    for answer, predicted in enumerate(rng.beta(7, 3, MOST).tolist()):
        is_low = answer >= QUIET and (told_at is None or answer <= told_at + lasting)
        right = float(rng.random() < max(predicted - fall * is_low, 0.0))
        watch, alarm = note_settled(watch, Settled(accuracy=predicted, correct=right, cost_ratio=None))
        if alarm is not None and told_at is not None:
            return alarm.withdraws
        if alarm is not None and alarm.broken is Broken.WORSE and is_low:
            told_at = answer
    return False
