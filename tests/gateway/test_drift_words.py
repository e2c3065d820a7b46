"""What an alarm says, in words."""

from datetime import UTC, datetime

import pytest

from db.drift import DriftAlarm
from gateway.drift_words import say_alarm

FOUND = "over 489 answers, found 2026-11-27 19:11"


@pytest.mark.parametrize(
    ("broken", "observed", "told"),
    [
        ("worse", 0.4, "40.0% of its answers were right, 53.2% were predicted, "),
        ("better", 0.673, "67.3% of its answers were right, 53.2% were predicted, "),
        (
            "worse",
            0.673,
            "67.3% of its answers were right, 53.2% were predicted, which is worse than after the alarm before, ",
        ),
        (
            "better",
            0.4,
            "40.0% of its answers were right, 53.2% were predicted, which is better than after the alarm before, ",
        ),
    ],
)
def test_an_alarm_that_its_figures_seem_to_deny_says_why(broken: str, observed: float, told: str) -> None:
    alarm = DriftAlarm(
        strategy="m",
        engine="mid",
        spec_hash="h",
        broken=broken,
        outcomes=489.0,
        predicted=0.532,
        observed=observed,
        created_at=datetime(2026, 11, 27, 19, 11, tzinfo=UTC),
    )
    assert say_alarm(alarm) == told + FOUND
