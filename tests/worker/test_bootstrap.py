"""Workshops: opened for a file, reopened for a job, and runs that leave nothing behind when they can not begin."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.job_list import list_jobs
from db.jobs import read_job
from db.session import run_in_transaction, session_scope
from router.units import Amount, Unit
from tests.worker.fake_night import make_tasks
from worker.bootstrap import Workshop, open_workshop, read_known_job, reopen_workshop
from worker.calibration import submit_recorded
from worker.database import open_database
from worker.engines.errors import EngineUnavailable
from worker.errors import BudgetTooSmall, JobNotDriveable, UntrainedStrategies
from worker.objective import Request
from worker.progress import Progress, Stage
from worker.recording import RecordedOutcome, Recording
from worker.runs import run
from worker.settings import Settings
from worker.submission import TENANT, submit_calibration
from worker.training_job import train_predictors

NOBODY = "http://127.0.0.1:9/v1"  # the discard port: nothing listens there


def write_pool(folder: Path, *, max_tokens: int = 20, price: str = "0.1", name: str = "direct") -> Path:
    file = folder / "strategies.yaml"
    file.write_text(
        f"engines: {{e: {{kind: openai, model: m, base_url: '{NOBODY}', description: d}}}}\n"
        "strategies:\n"
        f"  - name: {name}\n    engine: e\n    decoding: {{method: direct, max_tokens: {max_tokens}}}\n"
        f"    tariff: {{USD: {{prompt_per_mtok: {price}, output_per_mtok: 0.3}}}}\n"
    )
    return file


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, data_directory=tmp_path, cache_directory=tmp_path)


@contextmanager
def opened(settings: Settings, file: Path) -> Iterator[Workshop]:
    with open_workshop(settings, strategy_file=file, watch=lambda _: None) as workshop:
        yield workshop


@contextmanager
def reopened(settings: Settings, job_id: int) -> Iterator[Workshop]:
    with open_database(settings) as database:
        job = read_known_job(database, job_id=job_id)
        yield reopen_workshop(settings, database=database, job=job, watch=lambda _: None)


def store_job(settings: Settings, file: Path) -> int:
    with opened(settings, file) as workshop:
        return run_in_transaction(
            workshop.database,
            lambda session: submit_calibration(
                session,
                tasks=make_tasks(2),
                pool=workshop.pool,
                strategy_ids=workshop.strategy_ids,
                meta={"strategy_file": str(file)},
            ),
        )


def test_a_job_is_taken_up_with_the_strategies_it_was_submitted_with(settings: Settings, tmp_path: Path) -> None:
    job_id = store_job(settings, write_pool(tmp_path))
    with reopened(settings, job_id) as workshop, session_scope(workshop.database) as session:
        assert workshop.pool.names == ("direct",)
        assert list(workshop.strategy_ids) == list(read_job(session, job_id=job_id).strategy_ids)


@pytest.mark.parametrize("change", [{"max_tokens": 21}, {"price": "0.2"}, {"name": "straight"}])
def test_a_job_is_not_taken_up_with_others_or_under_other_prices(
    settings: Settings, tmp_path: Path, change: dict[str, object]
) -> None:
    job_id = store_job(settings, write_pool(tmp_path))
    write_pool(tmp_path, **change)  # type: ignore[arg-type]  # fields by name
    with (
        pytest.raises(JobNotDriveable, match=f"job {job_id} was submitted with other versions of direct"),
        reopened(settings, job_id),
    ):
        pass


def test_a_job_that_does_not_exist_is_named(settings: Settings) -> None:
    with (
        pytest.raises(JobNotDriveable, match="there is no job 77 in this database"),
        reopened(settings, 77),
    ):
        pass


def begin(workshop: Workshop, *, tokens: int) -> None:
    run(
        workshop,
        tasks=make_tasks(3),
        request=Request(stated=f"{tokens} tokens", budget=Amount(unit=Unit.TOKENS, quanta=tokens)),
        meta={},
        draining=threading.Event(),
        on_submitted=lambda *_: pytest.fail("nothing was submitted"),
    )


def teach(workshop: Workshop) -> None:
    """Recorded outcomes of the pool's only strategy, and its predictor."""
    (priced,) = workshop.pool.strategies
    outcomes = [
        RecordedOutcome(
            custom_id=f"task-{number}",
            strategy=priced.strategy.name,
            answer="yes",
            texts=["yes"],
            finish_reasons=["stop"],
            prompt_tokens=80,
            output_tokens=5,
            cost=85,
            correct=float(number % 2),
        )
        for number in range(4)
    ]
    recording = Recording(tasks_sha256="a", unit=Unit.TOKENS, engines={}, strategy_hashes={}, outcomes=outcomes)
    run_in_transaction(
        workshop.database,
        lambda session: submit_recorded(
            session,
            tasks=make_tasks(4),
            tasks_sha256="a",
            pool=workshop.pool,
            strategy_ids=workshop.strategy_ids,
            recording=recording,
        ),
    )
    train_predictors(
        workshop.database,
        pool=workshop.pool,
        strategy_ids=workshop.strategy_ids,
        encoder=workshop.encoder,
        watch=workshop.watch,
    )


def test_a_run_that_can_not_begin_leaves_no_job_behind(settings: Settings, tmp_path: Path) -> None:
    stages: list[Stage] = []

    def watch(progress: Progress) -> None:
        stages.append(progress.stage)

    with open_workshop(settings, strategy_file=write_pool(tmp_path), watch=watch) as workshop:
        with pytest.raises(UntrainedStrategies):
            begin(workshop, tokens=10_000)
        assert stages[-1] is Stage.DATABASE  # nothing slow was begun
        teach(workshop)
        with pytest.raises(BudgetTooSmall):
            begin(workshop, tokens=10)
        with pytest.raises(EngineUnavailable, match=r"can not reach http://127\.0\.0\.1:9/v1"):
            begin(workshop, tokens=10_000)
        with session_scope(workshop.database) as session:
            assert len(list_jobs(session, tenant_id=TENANT, limit=10)) == 1  # the recording's own
