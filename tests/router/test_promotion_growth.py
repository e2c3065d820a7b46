"""Which challengers need no proof: by how much more they learnt from, and what the gate saw of them."""

import pytest

from router.promotion.gate import ONLY_LOOK, Finding, GateReason, GateReport, GateVerdict, Rival
from router.promotion.growth import has_grown, will_grow


def report(reason: GateReason, *, outcomes: int, verdict: GateVerdict = GateVerdict.HOLD) -> GateReport:
    finding = Finding(reason=reason, rival=Rival.CHAMPION, measured=0.0, low=0.0, high=0.0, limit=0.0)
    return GateReport(
        verdict=verdict, findings=(finding,), outcomes=outcomes, look=ONLY_LOOK, challenger=None, comparisons={}
    )


@pytest.mark.parametrize("reason", GateReason)
def test_half_as_many_labels_again_are_enough_whatever_was_seen(reason: GateReason) -> None:
    assert has_grown(report(reason, outcomes=0), labels=1500, champion_labels=1000)


@pytest.mark.parametrize(
    ("reason", "grown"),
    [
        (GateReason.LOSS_LOWER, True),
        (GateReason.TOO_FEW, True),
        (GateReason.LOSS_NOT_LOWER, False),
        (GateReason.LOSS_LIKELY_HIGHER, False),
    ],
)
def test_a_fifth_more_is_enough_unless_it_seems_worse(reason: GateReason, grown: bool) -> None:
    assert has_grown(report(reason, outcomes=200), labels=1200, champion_labels=1000) is grown
    assert has_grown(report(reason, outcomes=499), labels=1499, champion_labels=1000) is grown


def test_less_than_a_fifth_has_to_be_proven() -> None:
    seen = report(GateReason.LOSS_LOWER, outcomes=199, verdict=GateVerdict.TRIAL)
    assert not has_grown(seen, labels=1199, champion_labels=1000)


def test_a_fifth_of_tasks_that_the_champion_knows_teaches_nothing_new() -> None:
    assert not has_grown(report(GateReason.TOO_FEW, outcomes=20), labels=1300, champion_labels=1000)


def test_fewer_labels_after_a_strategy_changed_are_no_growth() -> None:
    assert not has_grown(report(GateReason.LOSS_LOWER, outcomes=300), labels=300, champion_labels=1000)


@pytest.mark.parametrize(
    ("labels", "to_come", "champion_labels", "grows"),
    [(1100, 99, 1000, False), (1100, 100, 1000, True), (9000, 5000, 8300, True), (9000, 5000, 8400, False)],
)
def test_a_successor_grows_by_labels_to_come_up_to_the_most_that_is_learnt_from(
    labels: int, to_come: int, champion_labels: int, grows: bool
) -> None:
    assert will_grow(labels, to_come=to_come, most=10_000, champion_labels=champion_labels) is grows
