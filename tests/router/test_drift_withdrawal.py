"""False alarms are withdrawn by what follows them, and what was known before them holds again; true ones are not."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from router.drift.correction import MEMORY
from router.drift.detector import join_both
from router.drift.jobs import Jobs
from router.drift.watch import UNSEEN, Alarm, Broken, Settled, Watch, note_settled
from router.drift.watch_json import read_watch, write_watch

KNOWN = 1000  # quiet outcomes before
SEEDS = range(20)


class Followed:
    """A predictor that expects accuracies of Beta(7, 3), and what comes of it."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.watch = UNSEEN
        self.alarms: list[Alarm] = []
        self.told = Jobs()  # all outcomes, whatever alarms said
        self.go_on(KNOWN)

    def go_on(self, outcomes: int, *, off: float = 0.0) -> None:
        """So many outcomes more, right more often than predicted by so much."""
        for _ in range(outcomes):
            self._settle(off)

    def go_on_until_told(self, *, off: float = 0.0, most: int = 1000) -> Alarm:
        """Outcomes until there is one alarm more."""
        before = len(self.alarms)
        for _ in range(most):
            self._settle(off)
            if len(self.alarms) > before:
                return self.alarms[-1]
        raise AssertionError(f"nothing told in {most} outcomes")

    def _settle(self, off: float) -> None:
        predicted = float(self._rng.beta(7, 3))
        right = float(self._rng.random() < min(max(predicted + off, 0.0), 1.0))
        noted = note_settled(self.watch, Settled(accuracy=predicted, correct=right, cost_ratio=None))
        self.watch = noted.watch
        self.told = self.told.note(-1, predicted=predicted, observed=right, fading=1 - 1 / MEMORY)
        self.alarms += [noted.alarm] if noted.alarm is not None else []


def tell(alarms: Sequence[Alarm]) -> list[str]:
    return ["withdrawn" if alarm.withdraws else alarm.broken.value for alarm in alarms]


@pytest.mark.parametrize("off", [-0.4, -0.3])
def test_an_unlucky_streak_is_told_and_withdrawn(off: float) -> None:
    withdrawn = 0
    for seed in SEEDS:
        followed = Followed(seed)
        assert followed.go_on_until_told(off=off).broken is Broken.WORSE
        second = followed.go_on_until_told()
        assert second.broken is Broken.BETTER
        withdrawn += second.withdraws
    assert withdrawn >= 0.9 * len(SEEDS)


def test_a_lucky_streak_is_withdrawn_as_well() -> None:
    told = []
    for seed in SEEDS:
        followed = Followed(seed)
        assert followed.go_on_until_told(off=0.4).broken is Broken.BETTER
        told.append(followed.go_on_until_told())
    assert {alarm.broken for alarm in told} == {Broken.WORSE}
    assert sum(alarm.withdraws for alarm in told) >= 0.8 * len(SEEDS)


def test_after_a_withdrawal_everything_is_as_if_nothing_had_been_told() -> None:
    followed = Followed(0)
    followed.go_on_until_told(off=-0.4)
    assert followed.watch.correct().offset < -0.5
    second = followed.go_on_until_told()
    assert second.withdraws
    watch = followed.watch
    assert watch.doubt is None
    assert watch.accuracies == followed.told
    known = join_both(watch.evidence[Broken.WORSE].usual)
    assert known.outcomes > KNOWN  # the streak and what followed are usual, too
    assert known.excess == pytest.approx(-join_both(watch.evidence[Broken.BETTER].usual).excess)
    assert watch.evidence[Broken.WORSE].anchor == 0.0
    followed.go_on(500)
    assert len(followed.alarms) == 2


def test_a_withdrawal_tells_of_the_answers_since_the_alarm_whichever_way_that_was() -> None:
    for off in (-0.4, 0.4):
        followed = Followed(0)
        followed.go_on_until_told(off=off)
        second = followed.go_on_until_told()
        assert second.withdraws
        assert second.stretch.predicted / second.stretch.outcomes == pytest.approx(0.7, abs=0.05)
        assert abs(second.stretch.excess) < 0.12


def test_a_strategy_that_fell_and_rose_again_is_told_as_such() -> None:
    """Answers between the alarms are as low as the first said: that was no chance."""
    told = set()
    for seed in SEEDS:
        followed = Followed(seed)
        followed.go_on_until_told(off=-0.3)
        followed.go_on(100, off=-0.3)
        followed.go_on_until_told()
        told.add(tuple(tell(followed.alarms)))
    assert told == {("worse", "better")}


def test_a_fall_of_which_a_part_stays_is_not_withdrawn_for_long() -> None:
    """Three in twenty points are missing for good; whatever is said of the rest, the predictor is corrected by that."""
    for seed in SEEDS:
        followed = Followed(seed)
        followed.go_on_until_told(off=-0.4)
        followed.go_on(800, off=-0.15)
        assert tell(followed.alarms)[-1] != "withdrawn"
        assert followed.watch.correct().offset < -0.3


def test_an_alarm_that_nothing_spoke_against_stands_and_what_comes_later_is_another_change() -> None:
    followed = Followed(3)
    followed.go_on_until_told(off=-0.3)
    followed.go_on(1000, off=-0.3)
    followed.go_on_until_told()
    assert tell(followed.alarms)[-1] == "better"


def test_an_alarm_about_costs_is_doubted_by_nothing() -> None:
    watch = UNSEEN
    for _ in range(200):
        watch, alarm = note_settled(watch, Settled(accuracy=0.7, correct=None, cost_ratio=3.0))
        if alarm is not None:
            break
    assert alarm is not None
    assert alarm.broken is Broken.DEARER
    assert watch.doubt is None


def test_a_doubt_is_kept_from_look_to_look() -> None:
    followed = Followed(0)
    followed.go_on_until_told(off=-0.4)
    followed.go_on(10)
    assert followed.watch.doubt is not None
    assert _store(followed.watch) == followed.watch
    before = write_watch(followed.watch)
    del before["doubt"]  # as earlier releases wrote it
    assert read_watch(json.loads(json.dumps(before))).doubt is None


def _store(watch: Watch) -> Watch:
    return read_watch(json.loads(json.dumps(write_watch(watch))))
