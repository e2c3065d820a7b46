"""What an alarm about a strategy's predictions says, in words."""

from collections.abc import Mapping

from db.drift import DriftAlarm
from gateway.report.amounts import say_share
from router.drift.watch import Broken


def say_alarm(alarm: DriftAlarm) -> str:
    """What was found, over how many answers, and when."""
    found = f"over {alarm.outcomes:,.0f} answers, found {alarm.created_at:%Y-%m-%d %H:%M}"
    if alarm.broken == Broken.DEARER:
        return f"answers cost {alarm.observed:.2f} times what was predicted, {found}"
    right, predicted = say_share(alarm.observed), say_share(alarm.predicted)
    told = f"{right} of its answers were right, {predicted} were predicted"
    seems = Broken.WORSE if alarm.observed < alarm.predicted else Broken.BETTER
    if alarm.broken != seems:  # what an earlier alarm said is usual for this version since
        told += f", which is {alarm.broken} than after the alarm before"
    return f"{told}, {found}"


def say_withdrawal(alarm: DriftAlarm) -> str:
    """What was told before, and what the answers since then say."""
    return (
        f"the alarm that its answers are right {_HOW[alarm.broken]} often than predicted was withdrawn "
        f"{alarm.created_at:%Y-%m-%d %H:%M}: since then {say_share(alarm.observed)} of {alarm.outcomes:,.0f} answers "
        f"were right, {say_share(alarm.predicted)} were predicted"
    )


_HOW: Mapping[str, str] = {Broken.WORSE: "less", Broken.BETTER: "more"}
