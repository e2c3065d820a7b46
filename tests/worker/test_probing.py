"""A new strategy is asked a few tasks, predicted at once, and handed over to its own predictor when that is better."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from db.budgets import read_budget
from db.jobs import read_job
from db.progress import read_progress
from db.session import session_scope
from db.states import JobKind, JobState
from db.tables import JobRow
from db.tasks import NewTask
from db.training_rows import read_graded_rows
from router.figures import Fallback
from tests.worker.probe_night import (
    ProbeNight,
    answer_kinds,
    calibrate,
    champions,
    make_kinds,
    open_probe_workshop,
    train,
)
from worker.bootstrap import Workshop
from worker.errors import NothingToProbe, NothingToTrain
from worker.placement import Reception
from worker.predictors import load_predictors

NEW = 3  # its position in the pool
OTHERS = ("sums", "capitals", "spells")
FILE = make_kinds(210)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where embeddings are kept from test to test."""
    return tmp_path_factory.mktemp("probing")


@pytest.fixture
def workshop(db_engine: Database, folder: Path) -> Workshop:
    return open_probe_workshop(db_engine, folder)


def test_a_new_strategy_is_asked_alone_and_serves_at_once_beside_untouched_others(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS)
    train(workshop)
    before = champions(workshop)
    night = ProbeNight(workshop, tasks=FILE).ask()
    placement, reception = night.place()
    assert (len(night.engine.asked), len(set(night.engine.asked))) == (45, 45)
    with session_scope(workshop.database) as session:
        (job_id,) = night.jobs
        job, progress = read_job(session, job_id=job_id), read_progress(session, job_id=job_id)
        books = read_budget(session, budget_id=job.budget_id)
        loaded = load_predictors(
            session, strategy_ids=workshop.strategy_ids, names=workshop.pool.names, encoder=workshop.encoder.name
        )
    assert (job.kind, job.state, progress.outcomes) == (JobKind.PROBE, JobState.COMPLETED, 45)
    assert (books.cap, books.spent, books.reserved) == (
        45 * 40,
        20 * int(progress.correct) + 4 * (45 - int(progress.correct)),
        0,
    )

    assert reception is Reception.SERVES
    assert (placement.past_tasks, placement.known_strategies) == (210, 3)
    figures = placement.challenger.figures
    assert figures.fallback is Fallback.COLD_START
    assert figures.held_out_log_loss < 0.5 * figures.constant_log_loss
    vectors = workshop.encoder.encode(["How much is 5 plus 3?", "Spell the word w9 backwards 2 times."])
    accuracy, output_tokens = (predicted[:, NEW] for predicted in loaded.stack.predict(vectors))
    assert accuracy[0] > 0.7
    assert accuracy[1] < 0.3
    assert output_tokens[0] > 1.5 * output_tokens[1]

    after = champions(workshop)
    assert {key: row.artefact for key, row in before.items()} == {key: after[key].artefact for key in before}
    assert len(after) == len(before) + 1


def test_the_same_command_again_asks_nothing_and_changes_nothing(workshop: Workshop) -> None:
    ProbeNight(workshop, tasks=FILE).ask().place()
    before = champions(workshop)
    again = ProbeNight(workshop, tasks=FILE).ask()
    assert (again.jobs, again.engine.asked) == ([], [])
    assert again.told == ["45 of 45 probes are answered already"]
    assert again.place()[1] is Reception.KNOWN
    assert champions(workshop) == before


def test_what_was_left_unfinished_comes_first_and_more_probes_ask_only_the_rest(workshop: Workshop) -> None:
    left = next(ProbeNight(workshop, tasks=FILE, count=30).probing.jobs())()  # stored by a command that then died
    night = ProbeNight(workshop, tasks=FILE, count=60).ask()
    assert night.jobs[0] == left
    assert night.told[0] == f"probe {left} was not finished: it comes first"
    assert Counter(night.engine.asked).most_common(1)[0][1] == 1  # nothing was asked twice
    assert 60 <= len(night.engine.asked) <= 90
    with session_scope(workshop.database) as session:
        rows = read_graded_rows(session, strategy_id=night.probing.strategy_id)
    assert len(rows) == len(night.engine.asked)


def test_half_of_adaptive_probes_are_chosen_by_what_the_others_did(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS)
    night = ProbeNight(workshop, tasks=FILE, count=61, adaptive=True).ask()
    with session_scope(workshop.database) as session:
        counts = [read_job(session, job_id=job_id).task_count for job_id in night.jobs]
    assert counts == [31, 30]
    assert len(set(night.engine.asked)) == 61
    again = ProbeNight(workshop, tasks=FILE, count=61, adaptive=True).ask()
    assert (again.jobs, again.engine.asked) == ([], [])
    assert night.place()[0].challenger.figures.outcomes == 61


def test_without_enough_known_strategies_adaptive_probes_cover_the_file(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS[:2])
    night = ProbeNight(workshop, tasks=FILE, count=33, adaptive=True).ask()
    assert len(night.jobs) == 1
    assert "fewer than 3 other strategies have 200 graded tasks in common: all probes cover the file" in night.told
    placement, _ = night.place()
    assert (placement.past_tasks, placement.known_strategies) == (210, 0)


def test_a_pool_without_a_past_is_divided_by_the_files_own_tasks(workshop: Workshop) -> None:
    placement, reception = ProbeNight(workshop, tasks=FILE).ask().place()
    assert (placement.past_tasks, placement.known_strategies) == (210, 0)
    assert placement.challenger.figures.fallback is Fallback.COLD_START
    assert reception is Reception.SERVES


def test_fewer_tasks_than_probes_are_all_asked_and_few_make_a_constant(workshop: Workshop) -> None:
    twice = [
        *make_kinds(12),
        *(NewTask(custom_id=f"again-{n}", payload=own.payload) for n, own in enumerate(make_kinds(12))),
    ]
    night = ProbeNight(workshop, tasks=twice, count=50).ask()
    assert len(night.engine.asked) == 12
    assert (
        "50 probes were asked for, but new can serve 12 distinct tasks of the file: all of them are asked" in night.told
    )
    placement, _ = night.place()
    assert placement.challenger.figures.fallback is Fallback.CONSTANT


def test_adaptive_probes_take_all_tasks_where_they_are_few(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS)
    night = ProbeNight(workshop, tasks=make_kinds(36), count=50, adaptive=True).ask()
    assert (
        "50 probes were asked for, but new can serve 36 distinct tasks of the file: all of them are asked" in night.told
    )
    assert len(set(night.engine.asked)) == len(night.engine.asked) == 36


def test_one_sided_probes_make_a_constant_accuracy(workshop: Workshop) -> None:
    night = ProbeNight(workshop, tasks=FILE)
    night.engine.answer = answer_kinds()
    placement, reception = night.ask().place()
    assert placement.challenger.figures.fallback is Fallback.CONSTANT_ACCURACY
    assert reception is Reception.SERVES


def test_a_strategy_that_can_serve_no_task_is_refused_before_anything_is_asked(workshop: Workshop) -> None:
    for_others = [
        NewTask(custom_id=own.custom_id, payload=own.payload.replace('"auto"', '"sums"')) for own in make_kinds(6)
    ]
    with pytest.raises(NothingToProbe, match="new can serve none of the 6 graded tasks of the file"):
        ProbeNight(workshop, tasks=for_others).ask()
    with session_scope(workshop.database) as session:
        assert session.execute(select(JobRow.id)).all() == []


def test_probes_without_a_grade_teach_nothing(workshop: Workshop) -> None:
    with pytest.raises(NothingToTrain, match="no probe of new got a grade"):
        ProbeNight(workshop, tasks=FILE).place()


def test_a_champion_that_learnt_from_more_stays(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=["new"])
    train(workshop)
    before = champions(workshop)
    night = ProbeNight(workshop, tasks=make_kinds(300)[210:], count=40).ask()
    assert night.place()[1] is Reception.OUTWEIGHED
    assert champions(workshop) == before


def test_tasks_that_a_calibration_asked_are_not_asked_again(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=["new"])
    night = ProbeNight(workshop, tasks=FILE).ask()
    assert night.jobs == []
    assert night.told == ["45 of 45 probes are answered already"]
    placement, reception = night.place()  # calibrated, and never trained
    assert placement.challenger.figures.outcomes == 210
    assert reception is Reception.SERVES
