"""Strategies that do not do what is predicted of them any more, and those that nothing is routed to."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from db.drift import list_standing_alarms, list_withdrawn_alarms
from db.states import StrategyMode
from db.strategy_modes import read_latest_changes
from gateway.doctor.finding import Finding
from gateway.drift_words import say_alarm, say_withdrawal
from worker.submission import TENANT


def look_at_drift(session: Session) -> Iterator[Finding]:
    """An alarm stands until it is withdrawn, or another predictor of the strategy serves."""
    alarms = list_standing_alarms(session)
    if not alarms:
        yield Finding(True, "predictions: hold, as far as answers were graded")
    for alarm in alarms:
        yield Finding(
            False,
            f"strategy {alarm.strategy}: {say_alarm(alarm)}. Its predictions are corrected meanwhile; see whether its "
            f"server or model was changed, then `apportion probe` it anew and `apportion train`, or `apportion "
            f"strategies disable {alarm.strategy}`",
        )
    for alarm in list_withdrawn_alarms(session):
        yield Finding(True, f"strategy {alarm.strategy}: {say_withdrawal(alarm)}")
    for change in read_latest_changes(session, tenant_id=TENANT).values():
        if change.mode is not StrategyMode.ENABLED:
            why = f": {change.reason}" if change.reason else ""
            yield Finding(True, f"strategy {change.name}: {change.mode} by {change.changed_by}{why}")
