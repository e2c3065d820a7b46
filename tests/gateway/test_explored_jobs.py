"""What people see of a job that explored: in its files, its decisions, its report, its status and the metrics."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine as Database
from typer.testing import CliRunner

from db.jobs import Job, read_job
from db.metrics import MetricsScope
from db.session import session_scope
from gateway.api.batch_request import BatchRequest
from gateway.api.metrics import write_metrics
from gateway.batch_asked import Asked
from gateway.cli import app
from gateway.commands.finish_job import write_job_output
from gateway.decisions import TaskDecision, read_decisions
from gateway.errors import UsageError
from gateway.request import read_wish
from tests.worker.fake_night import FakeEngine, answer_with, budget, drive, make_settings, predict_flat, submit
from worker.exploration_terms import ExplorationTerms

TASKS = 200
TERMS = ExplorationTerms(share=0.3, points=10.0, need=(0.5, 0.5))


def explore(database: Database, folder: Path, *, terms: ExplorationTerms | None = TERMS) -> Job:
    """A job that explored a tenth of its tasks, and is answered."""
    predictions = predict_flat(TASKS, small=(0.5, 5.0), large=(0.5, 20.0))
    predictions.accuracy[:] = np.random.default_rng(2).random((TASKS, 2))
    objective = replace(budget(4_000), exploration=terms)
    job_id = submit(database, predictions=predictions, objective=objective)
    assert drive(database, job_id, [FakeEngine(answer_with("yes", tokens=8))], make_settings(folder, window_tasks=50))
    with session_scope(database) as session:
        return read_job(session, job_id=job_id)


def decisions_of(database: Database, job: Job) -> list[TaskDecision]:
    with session_scope(database) as session:
        return read_decisions(session, job=job, lo=0, hi=job.task_count)


def list_explored(decisions: list[TaskDecision]) -> list[TaskDecision]:
    return [own for own in decisions if own.drawn is not None and own.drawn.explores]


def test_a_decision_tells_the_draw_and_why_the_best_was_not_taken(db_engine: Database, tmp_path: Path) -> None:
    decisions = decisions_of(db_engine, explore(db_engine, tmp_path))
    explored = list_explored(decisions)
    assert 0 < len(explored) < TASKS / 2
    for own in explored:
        assert own.drawn is not None
        assert own.strategy == own.drawn.intended
        assert own.propensity == pytest.approx(own.drawn.chances[own.drawn.intended], rel=1e-6)
        assert f"{own.strategy} was tried to learn from it" in own.why
        assert f"the best was {own.drawn.best}" in own.why
    others = [own for own in decisions if own not in explored]
    assert not any("to learn" in own.why for own in others)


def test_the_file_of_decisions_has_every_draw(db_engine: Database, tmp_path: Path) -> None:
    job = explore(db_engine, tmp_path)
    write_job_output(db_engine, job_id=job.id, folder=tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text("utf-8").splitlines()]
    decisions = decisions_of(db_engine, job)
    for line, own in zip(lines, decisions, strict=True):
        assert own.drawn is not None
        assert line["drawn"] == {**own.drawn._asdict(), "chances": dict(own.drawn.chances)}
        assert line["propensity"] == own.propensity


def test_the_report_says_what_exploring_cost(db_engine: Database, tmp_path: Path) -> None:
    job = explore(db_engine, tmp_path)
    report = write_job_output(db_engine, job_id=job.id, folder=tmp_path / "out")
    explored = list_explored(decisions_of(db_engine, job))
    assert report.exploration is not None
    assert report.exploration.explored == len(explored)
    assert report.exploration.spent_quanta == sum(own.cost or 0 for own in explored)
    assert 0 < report.exploration.accuracy_given_up <= TERMS.points / 100
    said = f"{len(explored)} tasks tried another strategy to learn"
    assert said in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_status_and_metrics_tell_it_too(
    db_engine: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    job = explore(db_engine, tmp_path)
    explored = list_explored(decisions_of(db_engine, job))
    shown = CliRunner().invoke(app, ["status", str(job.id)])
    assert f"{len(explored)} tasks tried another strategy to learn" in shown.output
    told = json.loads(CliRunner().invoke(app, ["status", str(job.id), "--json"]).output)
    assert told["exploration"]["explored"] == len(explored)
    metrics = write_metrics(db_engine, scope=MetricsScope(own="default", alone=False)).decode()
    assert f'apportion_explored_total{{unit="tokens"}} {len(explored)}.0' in metrics
    assert 'apportion_explored_total{unit="USD"} 0.0' in metrics


def test_a_job_that_did_not_explore_says_nothing_of_it(db_engine: Database, tmp_path: Path) -> None:
    job = explore(db_engine, tmp_path, terms=None)
    report = write_job_output(db_engine, job_id=job.id, folder=tmp_path / "out")
    assert report.exploration is None
    assert "to learn" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(own.drawn is None for own in decisions_of(db_engine, job))


def test_a_command_says_how_much_is_explored() -> None:
    def read(exploration: str | None, *, target: float | None = None) -> float | None:
        budget = None if target else "25%"
        asked = read_wish(
            budget=budget,
            weight=None,
            shared_budget=None,
            target_accuracy=target,
            exploration=exploration,
            second_chances=False,
            deferral=None,
            priority=0,
            deadline=None,
        )
        return asked.request.exploration

    assert [read(text) for text in (None, "off", "2%")] == [None, 0.0, 0.02]
    assert read("off", target=0.5) == 0.0
    with pytest.raises(UsageError, match="--exploration is 'much': write \"off\""):
        read("much")
    with pytest.raises(UsageError, match="leaves none to give up"):
        read("2%", target=0.5)


def test_a_batch_says_how_much_is_explored() -> None:
    fields = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    asked = BatchRequest.model_validate({**fields, "budget": "25%", "exploration": 0.02}).asked()
    assert Asked.from_json(asked.to_json()).request().exploration == 0.02
    stored = asked.to_json()
    del stored["exploration"]  # by a release that did not know of it
    assert Asked.from_json(stored).request().exploration is None
    target = {"objective": {"target_accuracy": 0.5}, "exploration": 0.02}
    for refused in ({"exploration": 0.6}, {"exploration": -0.1}, target):
        with pytest.raises(ValidationError):
            BatchRequest.model_validate({**fields, **refused})
