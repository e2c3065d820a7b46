"""Training sets: by a moment, whoever looks and whenever; what teaches what, and how much it counts."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from db.clock import read_clock
from db.session import run_in_transaction, session_scope
from db.states import JobKind, TrainingScope
from tests.db.building import label
from tests.worker.fake_night import make_pool
from tests.worker.learning_house import answer, champion, newest, register, standing, train
from worker.encoder import SentenceEncoder
from worker.errors import CutoffAhead, NothingToTrain
from worker.lesson import Lesson
from worker.progress import Progress, Watch
from worker.task_encoder import TaskEncoder
from worker.training_due import LEAST_NEWS
from worker.training_set import BLOCK_OUTCOMES, LEAST_CELL_TASKS, TrainingSet, TrainingSource, read_training_set

MIXED = [0.0, 1.0] * 10


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TaskEncoder:
    return TaskEncoder(SentenceEncoder(threads=1), cache_directory=tmp_path_factory.mktemp("vectors"))


def read(database: Database, encoder: TaskEncoder, watch: Watch = lambda _: None) -> TrainingSet:
    cutoff = run_in_transaction(database, read_clock)
    source = TrainingSource(database=database, encoder=encoder, cutoff=cutoff, watch=watch)
    return read_training_set(source, priced=make_pool().strategies[0], strategy_id=register(database)[0])


def test_runs_count_by_inverse_propensity_and_as_much_as_they_say(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, [1.0] * 30)
    answer(db_engine, [1.0] * 8, kind=JobKind.RUN, propensity=1.0)
    answer(db_engine, [0.0] * 2, kind=JobKind.RUN, propensity=0.5)
    answer(db_engine, [0.0] * 5, kind=JobKind.RUN, propensity=None)  # repaired after the draw: of no estimate
    learnt = read(db_engine, encoder)
    assert np.allclose(learnt.weight[:30], 1.0)
    assert len(learnt.weight) == 40
    assert learnt.weight[-1] / learnt.weight[30] == pytest.approx(2.0)
    assert learnt.weight[30:].sum() == pytest.approx((8 + 2 * 2) ** 2 / (8 + 2 * 2**2))  # Kish


def test_clusters_are_made_of_tasks_that_nobody_chose_where_there_are_enough(
    db_engine: Database, encoder: TaskEncoder
) -> None:
    answer(db_engine, [1.0] * LEAST_CELL_TASKS)
    assert read(db_engine, encoder).cells is None  # those are all there are
    answer(db_engine, [1.0] * 20, kind=JobKind.RUN, propensity=0.5)
    learnt = read(db_engine, encoder)
    assert learnt.cells is not None
    assert np.array_equal(learnt.cells, learnt.vectors[:LEAST_CELL_TASKS])


def test_outcomes_of_several_blocks_are_as_many_rows(db_engine: Database, encoder: TaskEncoder) -> None:
    count = BLOCK_OUTCOMES + 3
    answer(db_engine, [number % 2 for number in range(count)])
    told: list[Progress] = []
    learnt = read(db_engine, encoder, told.append)
    assert [progress.done for progress in told] == [0, BLOCK_OUTCOMES, count]
    assert learnt.vectors.shape == (count, encoder.dimension)
    assert learnt.correct.tolist() == [number % 2 for number in range(count)]
    assert learnt.evidence.outcomes == count


def test_probes_are_judged_alone_until_runs_say_more(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, MIXED, kind=JobKind.PROBE)
    answer(db_engine, [1.0] * 15, kind=JobKind.RUN, propensity=1.0)
    assert read(db_engine, encoder).evidence.outcomes == 20
    answer(db_engine, [1.0] * 5, kind=JobKind.RUN, propensity=1.0)
    assert read(db_engine, encoder).evidence.outcomes == 40


def test_the_same_moment_gives_the_same_bytes_whatever_came_since(db_engine: Database, encoder: TaskEncoder) -> None:
    job_id = answer(db_engine, [*MIXED * 2, None])
    answer(db_engine, MIXED, kind=JobKind.RUN, propensity=0.4)
    train(db_engine, encoder)
    first = newest(db_engine, encoder)
    cutoff = run_in_transaction(db_engine, read_clock)
    with session_scope(db_engine) as session:
        label(session, job_id=job_id, seq=40, arm=register(db_engine)[0], source="person", correct=0.0)
    answer(db_engine, [1.0] * 20)
    train(db_engine, encoder)
    second = newest(db_engine, encoder)
    train(db_engine, encoder, Lesson(scope=TrainingScope.ALL, cutoff=cutoff))
    again = newest(db_engine, encoder)
    assert (first.version, second.version, again.version) == (1, 2, 3)
    assert first.artefact == again.artefact != second.artefact
    assert first.meta["learnt_from"]["digest"] == again.meta["learnt_from"]["digest"]
    assert [first.meta["figures"][name] for name in ("outcomes", "graded")] == [61, 60]


def test_a_moment_to_come_is_refused(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, MIXED)
    later = run_in_transaction(db_engine, read_clock) + timedelta(hours=1)
    with pytest.raises(CutoffAhead, match=r"the cutoff .* is later than .*: give an earlier one, or none"):
        train(db_engine, encoder, Lesson(cutoff=later))


def test_a_moment_before_the_first_grade_says_when_that_was(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, MIXED, strategy=1)
    train(db_engine, encoder)
    before = run_in_transaction(db_engine, read_clock) - timedelta(days=1)
    with pytest.raises(NothingToTrain, match=r"up to the cutoff .* no graded outcomes of small, large; the first"):
        train(db_engine, encoder, Lesson(scope=TrainingScope.ALL, cutoff=before))
    now = run_in_transaction(db_engine, read_clock)
    trained = train(db_engine, encoder, Lesson(scope=TrainingScope.ALL, cutoff=now))
    assert [own.figures is None for own in trained] == [True, False]


def test_outcomes_that_nobody_labelled_teach_the_cost(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, MIXED, tokens=10)
    answer(db_engine, [None] * 20, tokens=30)
    assert train(db_engine, encoder)[0].outcomes == 40
    figures = champion(db_engine, encoder).meta["figures"]
    assert (figures["graded"], figures["mean_correct"], figures["mean_output_tokens"]) == (20, 0.5, 20.0)


def test_outcomes_alone_make_no_predictor(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, [None] * 20)
    answer(db_engine, MIXED, strategy=1)
    assert [own.figures is None for own in train(db_engine, encoder, Lesson(scope=TrainingScope.ALL))] == [True, False]
    assert standing(db_engine, encoder).learnt == 0


def test_labels_given_later_are_learnt_and_few_of_them_wait(db_engine: Database, encoder: TaskEncoder) -> None:
    count = 2 * LEAST_NEWS
    job_id = answer(db_engine, [1.0] * count)
    train(db_engine, encoder)
    assert not standing(db_engine, encoder).is_due(TrainingScope.NEWS)
    small = register(db_engine)[0]
    for seq in range(LEAST_NEWS):  # the grader was wrong about these
        before = standing(db_engine, encoder) if seq == LEAST_NEWS - 1 else None
        with session_scope(db_engine) as session:
            label(session, job_id=job_id, seq=seq, arm=small, source="person", correct=0.0)
        if before is not None:
            assert before.is_due(TrainingScope.NEWS)
            assert not before.is_due(TrainingScope.ENOUGH)
    assert standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)
    trained = train(db_engine, encoder, Lesson(scope=TrainingScope.ENOUGH))
    assert [own.figures is not None for own in trained] == [True, False]
    assert newest(db_engine, encoder).meta["figures"]["mean_correct"] == 0.5
    assert not standing(db_engine, encoder).is_due(TrainingScope.NEWS)


def test_enough_is_a_share_of_what_was_learnt(db_engine: Database, encoder: TaskEncoder) -> None:
    answer(db_engine, [0.0, 1.0] * 300)
    train(db_engine, encoder)
    answer(db_engine, [1.0] * LEAST_NEWS)
    assert not standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)
    answer(db_engine, [1.0] * 10)
    assert standing(db_engine, encoder).is_due(TrainingScope.ENOUGH)


def test_nothing_labelled_says_what_to_do(db_engine: Database, encoder: TaskEncoder, tmp_path: Path) -> None:
    answer(db_engine, [None] * 3, kind=JobKind.RUN, propensity=1.0)
    with pytest.raises(NothingToTrain, match="no graded outcomes of small, large"):
        train(db_engine, encoder, Lesson(scope=TrainingScope.ALL))
