"""What one job's outcomes say of another job's tasks."""

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.drift.jobs import LEAST_ALIKE, MOST_ALIKE, MOST_JOBS
from router.drift.watch import UNSEEN, Settled, Watch, note_settled
from router.drift.watch_json import read_watch, write_watch

PREDICTED = 0.6
AS_PREDICTED, FALLEN, RISEN = PREDICTED, 0.25, 0.9
LARGE = 150  # outcomes
SHARES = st.floats(0.0, 1.0)


def see(jobs: Sequence[float], *, outcomes: int, watch: Watch = UNSEEN, first_job: int = 0) -> Watch:
    """Jobs that follow one another, in which these shares are right."""
    for job, share in enumerate(jobs, start=first_job):
        for place in range(outcomes):
            right = float(math.floor((place + 1) * share + 0.5) - math.floor(place * share + 0.5))
            settled = Settled(accuracy=PREDICTED, correct=right, cost_ratio=None, job=job)
            watch = note_settled(watch, settled).watch
    return watch


def test_a_fall_moves_its_own_job_at_once_and_new_ones_a_little() -> None:
    watch = see([AS_PREDICTED] * 4 + [FALLEN], outcomes=LARGE)
    assert watch.correct(4).offset < -1.2
    assert -0.8 < watch.correct().offset < -0.15
    assert watch.correct(99) == watch.correct()


def test_a_fall_after_jobs_that_differed_is_that_jobs_alone() -> None:
    differed = see([RISEN, FALLEN, RISEN, FALLEN], outcomes=LARGE)
    assert differed.correct(3).offset < -1.2
    assert abs(differed.correct().offset) < 0.1


def test_each_job_that_fell_says_more_of_the_next_one() -> None:
    offsets = [see([FALLEN] * jobs, outcomes=LARGE).correct().offset for jobs in (1, 2, 4, 6)]
    assert offsets == sorted(offsets, reverse=True)
    assert offsets[-1] < -0.9


def test_jobs_of_one_task_say_of_one_another_what_the_tasks_of_one_job_do() -> None:
    single = see([float(place % 3 == 0) for place in range(60)], outcomes=1)
    one = see([1 / 3], outcomes=60)
    assert single.correct().offset == pytest.approx(one.correct(0).offset, abs=0.1)


@settings(max_examples=50)
@given(st.lists(SHARES, min_size=1, max_size=8), st.integers(1, 40))
def test_jobs_stay_few_and_how_alike_they_are_within_bounds(shares: list[float], outcomes: int) -> None:
    watch = see(shares, outcomes=outcomes)
    assert 1 <= len(watch.accuracies.own) <= MOST_JOBS
    assert LEAST_ALIKE <= watch.accuracies.alike <= MOST_ALIKE
    assert read_watch(json.loads(json.dumps(write_watch(watch)))) == watch


@settings(max_examples=50)
@given(SHARES, st.integers(1, 200))
def test_a_job_says_no_more_of_others_than_of_itself(share: float, outcomes: int) -> None:
    watch = see([share], outcomes=outcomes)
    own, elsewhere = watch.correct(0).offset, watch.correct().offset
    assert own * elsewhere >= 0
    assert abs(elsewhere) <= abs(own) + 1e-9


def test_what_a_watch_of_an_earlier_release_knew_holds_for_all_jobs() -> None:
    stored = write_watch(see([FALLEN], outcomes=60))
    del stored["jobs"]
    stored["accuracies"] = [60.0, 48.0, 30.0]
    watch = read_watch(json.loads(json.dumps(stored)))
    assert watch.correct().offset == watch.correct(0).offset < -0.6
