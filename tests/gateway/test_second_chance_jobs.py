"""What people see of a job with second chances: in its files, its decisions, its report and its status."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from typer.testing import CliRunner

from db.batches import Batch, create_batch, move_batch, read_batch
from db.jobs import Job, read_job
from db.session import session_scope
from db.states import BatchStatus
from gateway.api.batch_request import BatchRequest
from gateway.batch_asked import Asked
from gateway.cli import app
from gateway.commands.finish_job import write_job_output
from gateway.decisions import read_decisions
from gateway.desk.batch_files import write_batch_files
from gateway.file_store import FileStore
from gateway.request import read_wish
from gateway.second_chances import ToldChance
from router.failure_shift import learn_shifts
from router.generation import Completion, GenerationRequest
from tests.worker.fake_night import (
    MAX_TOKENS,
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    predict_flat,
    submit,
)
from worker.second_chance_terms import SecondChanceTerms

TASKS = 20
TERMS = SecondChanceTerms(shifts=learn_shifts({}, strategies=2), learnt_from=0)
SAID = (
    "10 invalid answers (10 no answer), 10 asked once more for 200 tokens, 5 replaced: "
    "+5 right of 5 graded, 40 tokens each"
)


def answer(request: GenerationRequest) -> Completion:
    """The small strategy has no answer to even tasks, and the large one none to every fourth."""
    number = int(request.messages[-1].content.removeprefix("task-"))
    if request.max_tokens == MAX_TOKENS["small"]:
        return answer_with("" if number % 2 == 0 else "yes", tokens=5)(request)
    return answer_with("" if number % 4 == 0 else "yes", tokens=20)(request)


def give_chances(database: Database, folder: Path, *, terms: SecondChanceTerms | None = TERMS) -> Job:
    predictions = predict_flat(TASKS, small=(0.6, 5.0), large=(0.55, 20.0))
    job_id = submit(database, predictions=predictions, objective=replace(budget(2_000), second_chances=terms))
    assert drive(database, job_id, [FakeEngine(answer)], make_settings(folder))
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def told(final: str) -> ToldChance:
    return ToldChance("no_answer", "small", 5, "large", 20, final)


def test_a_decision_tells_both_answers(db_engine: Database, tmp_path: Path) -> None:
    job = give_chances(db_engine, tmp_path)
    with session_scope(db_engine) as session:
        decisions = read_decisions(session, job=job, lo=0, hi=3)
    assert [own.second_chance for own in decisions] == [told("first"), None, told("second")]
    assert [own.strategy for own in decisions] == ["small", "small", "large"]


def read_lines(path: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_files_tell_it_too(db_engine: Database, tmp_path: Path) -> None:
    job = give_chances(db_engine, tmp_path)
    write_job_output(db_engine, job_id=job.id, folder=tmp_path / "out")
    chances = [line["second_chance"] for line in read_lines(tmp_path / "out" / "decisions.jsonl")]
    assert chances[:3] == [told("first")._asdict(), None, told("second")._asdict()]
    results = [line["response"]["body"]["apportion"] for line in read_lines(tmp_path / "out" / "results.jsonl")]
    assert [own.get("asked_again") for own in results] == ["no_answer", None] * (TASKS // 2)


def store_batch(database: Database, job: Job) -> Batch:
    """A batch that was answered as this job."""
    with session_scope(database) as session:
        created = create_batch(
            session,
            batch_id="batch_asked",
            tenant_id=job.tenant_id,
            endpoint="/v1/chat/completions",
            input_file_id="file-asked",
            completion_window="24h",
            lasts_seconds=86_400,
            asked=Asked(second_chances=True).to_json(),
            meta=None,
            request_digest="",
            idempotency_key=None,
            output_expires_seconds=None,
        )
        move_batch(session, batch_id="batch_asked", to=BatchStatus.IN_PROGRESS, job_id=job.id)
        batch = read_batch(session, tenant_id=job.tenant_id, batch_id="batch_asked")
    assert created is not None
    assert batch is not None
    return batch


@pytest.mark.parametrize(("terms", "told"), [(TERMS, ["no_answer", None] * (TASKS // 2)), (None, [None] * TASKS)])
def test_the_output_file_of_a_batch_tells_it_too(
    db_engine: Database, tmp_path: Path, terms: SecondChanceTerms | None, told: list[str | None]
) -> None:
    batch = store_batch(db_engine, give_chances(db_engine, tmp_path, terms=terms))
    files = FileStore(tmp_path / "files")
    with session_scope(db_engine) as session:
        written = write_batch_files(session, files, batch=batch, to=BatchStatus.COMPLETED)
    assert written.output is not None
    lines = read_lines(files.path_of(written.output.id))
    assert [line["response"]["body"]["apportion"].get("asked_again") for line in lines] == told


def test_the_report_says_what_they_bought(db_engine: Database, tmp_path: Path) -> None:
    job = give_chances(db_engine, tmp_path)
    report = write_job_output(db_engine, job_id=job.id, folder=tmp_path / "out")
    assert report.second_chances is not None
    assert report.second_chances.failures == {"no_answer": 10}
    assert (report.second_chances.asked, report.second_chances.replaced) == (10, 5)
    assert (report.second_chances.cost_quanta, report.second_chances.turned_right) == (200, 5.0)
    assert SAID in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_status_tells_it_too(
    db_engine: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    job = give_chances(db_engine, tmp_path)
    assert SAID in CliRunner().invoke(app, ["status", str(job.id)]).output
    status = json.loads(CliRunner().invoke(app, ["status", str(job.id), "--json"]).output)
    assert status["second_chances"]["turned_right"] == 5.0


def test_a_job_without_them_says_nothing_of_it(db_engine: Database, tmp_path: Path) -> None:
    job = give_chances(db_engine, tmp_path, terms=None)
    report = write_job_output(db_engine, job_id=job.id, folder=tmp_path / "out")
    assert report.second_chances is None
    assert "Second chances" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all("asked_again" not in json.dumps(line) for line in read_lines(tmp_path / "out" / "results.jsonl"))


def test_commands_and_batches_ask_for_them() -> None:
    for asked in (False, True):
        wish = read_wish(
            budget="25%",
            weight=None,
            shared_budget=None,
            target_accuracy=None,
            exploration=None,
            second_chances=asked,
            deferral=None,
            priority=0,
            deadline=None,
        )
        assert wish.request.second_chances == asked
    fields = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = BatchRequest.model_validate({**fields, "second_chances": True}).asked()
    assert Asked.from_json(batch.to_json()).request().second_chances
    stored = batch.to_json()
    del stored["second_chances"]  # by a release that did not know of it
    assert not Asked.from_json(stored).request().second_chances
