"""A strategy's own predictor takes over from its cold start when it predicts outcomes better that neither has seen."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.outcome_rows import Origin, insert_outcomes
from db.session import run_in_transaction, session_scope
from db.states import JobKind, OutcomeSource
from db.tasks import NewTask, copy_tasks
from router.figures import COLD_STARTS, Fallback
from tests.db.building import TENANT, build_job
from tests.worker.learning_house import make_outcome
from tests.worker.probe_night import ProbeNight, calibrate, champions, make_kinds, open_probe_workshop, train
from worker.bootstrap import Workshop
from worker.known_outcomes import read_pool_rows
from worker.placement import Reception
from worker.training_job import Handover

NEW = 3
OTHERS = ("sums", "capitals", "spells")
FILE = make_kinds(210)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where embeddings are kept from test to test."""
    return tmp_path_factory.mktemp("handover")


@pytest.fixture
def workshop(db_engine: Database, folder: Path) -> Workshop:
    return open_probe_workshop(db_engine, folder)


def hand_over(workshop: Workshop) -> Handover:
    """What training says of the new strategy, whose champion is the better of its two predictors."""
    handover = train(workshop)[NEW].handover
    assert handover is not None
    assert handover.cold.fallback in COLD_STARTS
    better = min(handover.own, handover.cold, key=lambda figures: figures.held_out_log_loss)
    serving = champions(workshop)[workshop.strategy_ids[NEW]]
    assert serving.meta["figures"] == vars(better)
    return handover


def test_few_probes_of_a_known_pool_leave_the_cold_start_in_place(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS)
    ProbeNight(workshop, tasks=FILE, count=40).ask().place()
    handover = hand_over(workshop)
    assert not handover.is_done


def test_many_outcomes_hand_over_to_its_own_predictor_once(workshop: Workshop) -> None:
    ProbeNight(workshop, tasks=FILE, count=120).ask().place()
    handover = hand_over(workshop)
    assert handover.is_done
    before = champions(workshop)
    assert [row.figures for row in train(workshop)] == [None] * 4  # the same outcomes are no news
    assert ProbeNight(workshop, tasks=FILE, count=120).place()[1] is Reception.KNOWN
    assert champions(workshop) == before


def answer_chosen(workshop: Workshop, tasks: Sequence[NewTask]) -> None:
    """A run in which the new strategy was drawn for each of these tasks, and was right on sums."""

    def store(session: Session) -> None:
        job = build_job(session, tasks=0, kind=JobKind.RUN)
        copy_tasks(session, job_id=job.id, tasks=tasks)
        origin = Origin(
            tenant_id=TENANT,
            job_id=job.id,
            kind=JobKind.RUN,
            arm=0,
            strategy_id=workshop.strategy_ids[NEW],
            grp_id=None,
            fence=None,
            source=OutcomeSource.RECORDING,
        )
        grades = [float(task.custom_id.startswith("sums")) for task in tasks]
        insert_outcomes(session, outcomes=[make_outcome(*own, 1.0, 4) for own in enumerate(grades)], origin=origin)

    run_in_transaction(workshop.database, store)


def test_once_runs_say_more_than_probes_its_own_predictor_stands_at_the_gate_and_no_cold_start_comes_back(
    workshop: Workshop,
) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS)
    ProbeNight(workshop, tasks=FILE, count=40).ask().place()
    assert not hand_over(workshop).is_done
    answer_chosen(workshop, make_kinds(330)[210:])
    trained = train(workshop)[NEW]
    assert trained.handover is None
    assert trained.figures is not None
    assert (trained.figures.fallback, trained.figures.outcomes) == (Fallback.NONE, 160)
    serving = champions(workshop)[workshop.strategy_ids[NEW]]
    assert serving.meta["figures"]["fallback"] == Fallback.NONE


def test_a_task_that_was_asked_in_both_jobs_counts_once_and_stands_for_itself(workshop: Workshop) -> None:
    night = ProbeNight(workshop, tasks=make_kinds(240), count=60).ask()
    calibrate(workshop.database, tasks=FILE, names=["new"])
    with session_scope(workshop.database) as session:
        rows = read_pool_rows(session, strategy_ids=workshop.strategy_ids)[workshop.strategy_ids[NEW]]
    probes = [row for row in rows if row.kind is JobKind.PROBE]
    assert len(rows) - len(probes) == 210
    assert 0 < len(probes) < 60 == len(night.engine.asked)
    assert {row.weight for row in rows if row.kind is JobKind.CALIBRATION} == {1.0}
    assert len({row.weight for row in probes}) > 1
    assert train(workshop)[NEW].outcomes == len(rows)


def test_nothing_is_compared_without_probes_or_where_both_are_constants(workshop: Workshop) -> None:
    calibrate(workshop.database, tasks=FILE, names=OTHERS)
    ProbeNight(workshop, tasks=FILE, count=20).ask().place()
    trained = train(workshop)
    assert [row.handover for row in trained] == [None] * 4
    figures = trained[NEW].figures
    assert figures is not None
    assert figures.fallback is Fallback.CONSTANT
