"""`POST /v1/feedback` and `apportion feedback`: labels find their answers, all of them or none."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from db.jobs import Job
from db.session import session_scope
from db.strategies import read_strategies
from db.tables import JobRow, LabelRow
from db.training_rows import read_graded_rows
from gateway.api.front_door import FrontDoor
from gateway.cli import app
from gateway.commands.strategy_life import name_person
from gateway.exit_codes import ExitCode
from tests.gateway.endpoints.asking import Trained
from tests.worker.fake_night import (
    FakeEngine,
    answer_with,
    budget,
    drive,
    make_settings,
    make_tasks,
    predict_flat,
    submit,
)
from worker.bootstrap import read_known_job


@pytest.fixture
def calibration(door: FrontDoor) -> Job:
    """The calibration that the strategies were trained by: both answered every task."""
    with session_scope(door.database) as session:
        job_id = session.execute(select(JobRow.id)).scalar_one()
    return read_known_job(door.database, job_id=job_id)


def said(door: FrontDoor) -> list[tuple[int, str, float]]:
    with session_scope(door.database) as session:
        rows = select(LabelRow.seq, LabelRow.source, LabelRow.correct).order_by(LabelRow.id)
        return [(row.seq, row.source, row.correct) for row in session.execute(rows)]


def learnt(door: FrontDoor, job: Job, strategy: str) -> dict[int, float]:
    with session_scope(door.database) as session:
        rows = read_strategies(session, strategy_ids=job.strategy_ids)
        own = next(row.id for row in rows if row.name == strategy)
        return {row.seq: row.correct for row in read_graded_rows(session, strategy_id=own)}


def label(number: int, correct: object, **more: object) -> dict[str, object]:
    return {"custom_id": f"task-{number}", "correct": correct, "strategy": "small", **more}


def test_labels_are_stored_once_and_learnt_from(client: TestClient, door: FrontDoor, calibration: Job) -> None:
    body = {"job_id": calibration.id, "labels": [label(0, 1), label(1, 0.25), label(1, 0.25)]}
    replies = [client.post("/v1/feedback", json=body).json() for _ in range(2)]
    assert [(reply["labels"], reply["new"]) for reply in replies] == [(2, 2), (2, 0)]
    assert said(door) == [(0, "person", 1.0), (1, "person", 0.25)]
    assert learnt(door, calibration, "small") | {0: 1.0, 1: 0.25} == learnt(door, calibration, "small")
    assert learnt(door, calibration, "large")[0] == 0.0


def test_a_person_counts_before_a_judge_and_a_later_label_before_an_earlier_one(
    client: TestClient, door: FrontDoor, calibration: Job
) -> None:
    for correct, source in ((0.1, "grader"), (0.2, "person"), (0.3, "judge"), (0.4, "person"), (0.5, "judge")):
        body = {"job_id": calibration.id, "labels": [label(3, correct, source=source)]}
        assert client.post("/v1/feedback", json=body).status_code == 200
    assert learnt(door, calibration, "small")[3] == 0.4


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([label(0, 1), label(99, 1)], ("labels.1.custom_id", '"task-99" is no task of job')),
        ([label(0, 1.5)], ("labels.0.correct", "is 1.5; give a number from 0")),
        ([label(0, "yes")], ("labels.0.correct", 'is "yes"')),
        ([label(0, 1), label(0, 0)], ("labels.1.correct", "is 0 here, and 1 in line 1")),
        ([label(0, 1, strategy=None)], ("labels.0.strategy", "is missing; the task was answered by")),
        ([label(0, 1, strategy="huge")], ("labels.0.strategy", '"huge" did not answer this task')),
        ([label(0, 1, source="oracle")], ("labels.0.source", "write person, judge, grader")),
        ([label(0, 1, note="good")], ("labels.0.note", "is not a field of a label")),
        ([{"correct": 1}], ("labels.0.custom_id", "is missing")),
        ([{"custom_id": "\x00", "correct": 1}], ("labels.0.custom_id", "can not be stored")),
    ],
)
def test_what_is_wrong_is_named_and_nothing_half_stored(
    client: TestClient, door: FrontDoor, calibration: Job, labels: list[object], told: tuple[str, str]
) -> None:
    reply = client.post("/v1/feedback", json={"job_id": calibration.id, "labels": labels})
    param, words = told
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param), reply.text
    assert words in reply.json()["error"]["message"]
    assert said(door) == []


def test_foreign_jobs_are_not_there(client: TestClient) -> None:
    for named in ({"job_id": 999}, {"batch_id": "batch_nobody"}):
        reply = client.post("/v1/feedback", json={**named, "labels": [label(0, 1)]})
        assert reply.status_code == 404, reply.text
    assert client.post("/v1/feedback", json={"labels": [label(0, 1)]}).status_code == 400


@pytest.mark.usefixtures("trained")
def test_whether_an_answer_may_still_come_is_told(client: TestClient, door: FrontDoor, tmp_path: Path) -> None:
    flat = predict_flat(2, small=(0.9, 5.0), large=(0.2, 20.0))
    job_id = submit(door.database, predictions=flat, objective=budget(1), tasks=make_tasks(2))

    def ask() -> str:
        body = {"job_id": job_id, "labels": [{"custom_id": "task-1", "correct": 1}]}
        return str(client.post("/v1/feedback", json=body).json()["error"]["message"])

    assert '"task-1" has no answer yet' in ask()
    assert drive(door.database, job_id, [FakeEngine(answer_with("yes", tokens=5))], make_settings(tmp_path))
    assert '"task-1" ended without an answer' in ask()


def feedback(job: int, file: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["feedback", str(job), str(file), *words])


def test_the_command_stores_a_file(trained: Trained, door: FrontDoor, calibration: Job, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(f"{json.dumps(label(number, 1))}\n" for number in range(3)), encoding="utf-8")
    result = feedback(calibration.id, file, "--source", "judge", "--json")
    assert json.loads(result.stdout) == {"job": calibration.id, "labels": 3, "new": 3}
    assert "0 labels stored; 3 were known already" in feedback(calibration.id, file, "--source", "judge").stdout
    assert [source for _, source, _ in said(door)] == ["judge"] * 3


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"custom_id": "task-1", "correct": 2}\nnonsense\n', ("labels.jsonl:1: correct: is 2", ":2: not JSON")),
        ('{"custom_id": "nobody", "correct": 1}\n', ('labels.jsonl:1: custom_id: "nobody" is no task',)),
        ("", ("holds no labels",)),
    ],
)
def test_a_bad_file_is_refused_by_line(
    door: FrontDoor, calibration: Job, tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(text, encoding="utf-8")
    result = feedback(calibration.id, file)
    assert result.exit_code == ExitCode.JOB_FILE, result.output
    for word in words:
        assert word in result.stderr
    assert said(door) == []


def test_an_unknown_job_or_source_has_its_exit_code(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"custom_id": "task-1", "correct": 1}\n', encoding="utf-8")
    assert feedback(999, file).exit_code == ExitCode.NOT_FOUND
    assert feedback(1, file, "--source", "oracle").exit_code == ExitCode.USAGE


@pytest.mark.usefixtures("trained")
def test_all_that_was_said_of_an_answer_is_read_back_with_who_said_it(
    client: TestClient, door: FrontDoor, tmp_path: Path
) -> None:
    flat = predict_flat(2, small=(0.9, 5.0), large=(0.2, 20.0))
    job_id = submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(2))
    assert drive(door.database, job_id, [FakeEngine(answer_with("yes", tokens=5))], make_settings(tmp_path))
    file = tmp_path / "labels.jsonl"
    file.write_text(f"{json.dumps({'custom_id': 'task-1', 'correct': 0.25})}\n", encoding="utf-8")
    assert feedback(job_id, file).exit_code == 0
    for correct, source in ((0.5, "person"), (0.75, "judge")):
        body = {"job_id": job_id, "labels": [{"custom_id": "task-1", "correct": correct, "source": source}]}
        assert client.post("/v1/feedback", json=body).status_code == 200
    untold, told = client.get(f"/v1/jobs/{job_id}/decisions").json()["data"]
    assert (untold["correct"], untold["labels"]) == (1.0, [])
    assert told["correct"] == 0.5
    assert [(own["source"], own["correct"], own["counts"]) for own in told["labels"]] == [
        ("person", 0.25, False),
        ("person", 0.5, True),
        ("judge", 0.75, False),
    ]
    assert [own["given_by"] for own in told["labels"]] == [name_person(), *["API of this machine"] * 2]
    moments = [datetime.fromisoformat(own["created_at"]) for own in told["labels"]]
    assert moments == sorted(moments)
