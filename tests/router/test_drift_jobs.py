"""Outcomes by the job that they are of, and what those of one kind of tasks say of another."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.drift.jobs import HEAVIEST, MOST_JOBS, OF_NO_KIND, Jobs
from router.drift.tally import Tally
from router.drift.watch import UNSEEN, Broken, Settled, Watch, note_settled
from router.drift.watch_json import read_watch, write_watch

FADING = 0.98
PREDICTED, FALLEN = 0.6, 0.25
UNLIKE = 0.4

JOBS = st.integers(OF_NO_KIND, 2 * MOST_JOBS)
OUTCOMES = st.lists(st.tuples(JOBS, st.floats(0, 1), st.floats(0, 1)), max_size=80)


def note_all(outcomes: list[tuple[int, float, float]], jobs: Jobs | None = None) -> Jobs:
    jobs = jobs or Jobs()
    for job, predicted, observed in outcomes:
        jobs = jobs.note(job, predicted=predicted, observed=observed, fading=FADING)
    return jobs


def see(share: float, *, outcomes: int, job: int, watch: Watch = UNSEEN) -> Watch:
    """A job in which so many are right, evenly."""
    for place in range(outcomes):
        right = float(int((place + 1) * share) - int(place * share))
        watch = note_settled(watch, Settled(accuracy=PREDICTED, correct=right, cost_ratio=None, job=job)).watch
    return watch


@settings(max_examples=50)
@given(OUTCOMES)
def test_where_all_jobs_are_alike_each_outcome_fades_with_those_that_follow(
    outcomes: list[tuple[int, float, float]],
) -> None:
    seen = Tally()
    for _, predicted, observed in outcomes:
        seen = seen.scale(FADING).note(predicted, observed)
    jobs = note_all(outcomes)
    assert len(jobs.own) <= MOST_JOBS
    assert jobs.sum_up() == pytest.approx(seen)


def test_weights_stay_within_bounds_however_many_outcomes_follow() -> None:
    jobs = note_all([(place % 3, 0.5, 1.0) for place in range(2000)])  # .98 ** -2000 is 3e17
    assert 1 <= jobs.weight < HEAVIEST
    assert jobs.sum_up() == pytest.approx(Tally(50, 25, 50))
    assert jobs.sum_up({0: UNLIKE, 1: UNLIKE, 2: UNLIKE}).outcomes < 3 / UNLIKE


@settings(max_examples=50)
@given(OUTCOMES, st.floats(0.01, 1))
def test_jobs_of_another_kind_say_less_and_as_little_as_one_of_a_few_outcomes(
    outcomes: list[tuple[int, float, float]], unlike: float
) -> None:
    jobs = note_all(outcomes)
    less = jobs.sum_up({seen.job: unlike for seen in jobs.own})
    assert less.outcomes <= jobs.sum_up().outcomes + 1e-9
    assert less.outcomes <= len(jobs.own) / unlike + jobs.others.outcomes / jobs.weight + 1e-9


def test_a_fall_on_one_kind_moves_others_hardly_and_its_own_at_once() -> None:
    watch = see(FALLEN, outcomes=150, job=2, watch=see(PREDICTED, outcomes=300, job=1))
    assert watch.correct({1: UNLIKE}).offset < -1.2
    assert abs(watch.correct({2: UNLIKE}).offset) < 0.15
    assert watch.correct({1: UNLIKE}).offset <= watch.correct().offset < -0.9


def test_what_an_alarm_found_is_of_the_job_that_raised_it() -> None:
    watch, alarm = see(PREDICTED, outcomes=300, job=1), None
    for _ in range(100):
        watch, alarm = note_settled(watch, Settled(accuracy=PREDICTED, correct=0.0, cost_ratio=None, job=2))
        if alarm is not None:
            break
    assert alarm is not None
    assert alarm.broken is Broken.WORSE
    assert watch.correct().offset == watch.correct({1: UNLIKE}).offset < -2
    assert watch.correct({2: UNLIKE}).offset > -0.5


def test_an_alarm_forgets_what_was_known_of_its_kind_and_of_no_other() -> None:
    sums = note_all([(1, 0.5, 0.0)] * 100)
    poems = sums.prove(2, Tally(50, 25, 50))
    assert poems.sum_up() == poems.sum_up({1: UNLIKE}) == pytest.approx(Tally(50, 25, 50))
    of_sums = poems.sum_up({2: UNLIKE})
    assert of_sums.outcomes == pytest.approx(sums.sum_up().outcomes, rel=0.1)
    assert of_sums.observed < 3
    later = [(1, 0.5, 0.0)] * 10
    again = note_all(later, poems)
    assert again.sum_up() == pytest.approx(note_all(later).sum_up().join(Tally(50, 25, 50).scale(FADING**10)))
    assert [seen.job for seen in note_all([(2, 0.5, 1.0)], again).own] == [1, 2, 1]


def test_what_is_of_no_job_holds_for_all() -> None:
    watch = see(FALLEN, outcomes=150, job=OF_NO_KIND)
    assert watch.correct({1: UNLIKE, 2: UNLIKE}) == watch.correct()
    assert watch.correct().offset < -1.2


@settings(max_examples=30)
@given(st.lists(st.tuples(JOBS, st.integers(1, 9), st.floats(0, 1)), max_size=30))
def test_a_watch_is_read_as_it_was_written(jobs: list[tuple[int, int, float]]) -> None:
    watch = UNSEEN
    for job, outcomes, share in jobs:
        watch = see(share, outcomes=outcomes, job=job, watch=watch)
    again = read_watch(json.loads(json.dumps(write_watch(watch))))
    assert again == watch


def test_what_a_watch_of_an_earlier_release_knew_holds_for_all_jobs() -> None:
    stored = write_watch(UNSEEN)
    del stored["jobs"]
    stored["accuracies"] = [60.0, 48.0, 30.0]
    watch = read_watch(json.loads(json.dumps(stored)))
    assert watch.correct() == watch.correct({1: UNLIKE})
    assert watch.accuracies.sum_up() == Tally(60.0, 48.0, 30.0)
    assert see(PREDICTED, outcomes=1, job=1, watch=watch).accuracies.sum_up().outcomes == pytest.approx(60.85)


def test_numbers_of_a_watch_stay_numbers() -> None:
    watch = see(0.5, outcomes=9, job=int(np.int64(4)))
    assert json.loads(json.dumps(write_watch(watch)))["jobs"]["own"][0][0] == 4
