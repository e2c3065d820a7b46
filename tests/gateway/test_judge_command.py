"""`apportion judge` as a person gives it: answers of a finished run, and a judge on a real socket."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select
from typer.testing import CliRunner, Result

from db.budgets import read_budget
from db.jobs import read_job
from db.results import iterate_results
from db.session import session_scope
from db.states import JobKind
from db.tables import JobRow, LabelRow
from gateway.cli import app
from gateway.exit_codes import ExitCode
from gateway.report.gather import gather_report
from gateway.report.values import JudgingReport
from router.generation import Completion, GenerationRequest
from router.units import Unit
from tests.gateway.judge_server import JudgeServer
from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.stub_server import StubServer
from tests.worker.fake_night import FakeEngine, budget, drive, make_settings, make_tasks, predict_flat, submit

POOL = """
engines:
  far: {{kind: openai, base_url: "{url}", model: m, description: far away}}
strategies:
  - {{name: judge, engine: far, decoding: {{method: direct, max_tokens: 50}}}}
"""
TASKS = 12
RUBRIC = {"kind": "judge", "reference": "names the thing"}


@pytest.fixture
def server() -> JudgeServer:
    return JudgeServer()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, server: JudgeServer) -> Iterator[Path]:
    """Where the command is typed: a strategy file with a judge, who listens on a socket."""
    loop, stub = EngineLoop(), StubServer(server)
    loop.run(stub.start())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("APPORTION_CACHE_DIRECTORY", str(tmp_path / "cache"))
    Path("strategies.yaml").write_text(POOL.format(url=stub.base_url), encoding="utf-8")
    yield tmp_path
    loop.run(stub.stop())
    loop.close()


def answer_run(database: Database, folder: Path, *, grader: dict[str, Any] | None = None) -> int:
    """A finished run of tasks whose answers are good, poor and odd in turn."""

    def answer(request: GenerationRequest) -> Completion:
        number = int(request.messages[-1].content.removeprefix("task-"))
        text = ("good", "poor", "odd")[number % 3]
        return Completion(texts=(text,), finish_reasons=("stop",), prompt_tokens=5, output_tokens=3)

    job_id = submit(
        database,
        predictions=predict_flat(TASKS, small=(0.5, 3.0), large=(0.9, 30.0)),
        objective=budget(1_000),
        tasks=make_tasks(TASKS, grader=grader or RUBRIC),
    )
    assert drive(database, job_id, [FakeEngine(answer)], make_settings(folder))
    return job_id


def judge(job_id: int, *, budget: str = "1e6 tokens", by: str = "judge", as_json: bool = False) -> Result:
    options = ["--strategies", "strategies.yaml", "--by", by, "--budget", budget, *(["--json"] if as_json else [])]
    return CliRunner().invoke(app, ["judge", str(job_id), *options])


def say(result: Result) -> str:
    """What it printed, however the lines were broken."""
    return " ".join(result.stdout.split())


def list_labels(database: Database, job_id: int) -> dict[int, tuple[str, float]]:
    rows = select(LabelRow.seq, LabelRow.source, LabelRow.correct).where(LabelRow.job_id == job_id)
    with session_scope(database) as session:
        return {seq: (source, correct) for seq, source, correct in session.execute(rows)}


def list_judging_jobs(database: Database) -> list[int]:
    with session_scope(database) as session:
        return list(session.execute(select(JobRow.id).where(JobRow.kind == JobKind.JUDGING)).scalars())


def test_verdicts_become_labels_and_what_had_none_is_asked_again(
    folder: Path, server: JudgeServer, db_engine: Database
) -> None:
    job_id = answer_run(db_engine, folder)
    result = judge(job_id)
    assert result.exit_code == ExitCode.DONE, result.output
    assert f"job {job_id}: 8 answers judged, 45.0% right on the mean; 4 got no verdict that can be read" in say(result)
    assert list_labels(db_engine, job_id) == {
        seq: ("judge", (0.8, 0.1)[seq % 3]) for seq in range(TASKS) if seq % 3 < 2
    }
    with session_scope(db_engine) as session:
        grades = [result.outcome.correct for result in iterate_results(session, job_id=job_id) if result.outcome]
        assert grades == [(0.8, 0.1, None)[seq % 3] for seq in range(TASKS)]
        report = gather_report(session, job_id=job_id)
    assert report.observed_accuracy == pytest.approx(0.45)
    assert report.judging == (JudgingReport(unit=Unit.TOKENS, readings=TASKS, cost_quanta=110 * TASKS),)

    server.calm = True
    again = judge(job_id, as_json=True)
    assert json.loads(again.stdout) == {
        "job_id": job_id,
        "asked": 4,
        "judged": 4,
        "unreadable": 0,
        "unanswered": 0,
        "unreached": 0,
        "mean": 0.5,
    }
    assert Counter(server.asked) == {"good": 4, "poor": 4, "odd": 8}
    assert f"job {job_id}: no answer waits for a judge" in say(judge(job_id))


def test_a_judge_stays_within_its_own_budget_and_leaves_the_jobs_alone(
    folder: Path, server: JudgeServer, db_engine: Database
) -> None:
    server.calm = True
    job_id = answer_run(db_engine, folder)
    with session_scope(db_engine) as session:
        before = read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id)
    result = judge(job_id, budget="2000 tokens")  # a prompt's bound and 50 tokens of verdict each
    assert result.exit_code == ExitCode.DONE, result.output
    (judging,) = list_judging_jobs(db_engine)
    with session_scope(db_engine) as session:
        own = read_budget(session, budget_id=read_job(session, job_id=judging).budget_id)
        assert read_budget(session, budget_id=read_job(session, job_id=job_id).budget_id) == before
    assert own.cap == 2_000
    assert 0 < own.spent <= 2_000
    reached = len(list_labels(db_engine, job_id))
    assert 0 < reached < TASKS
    assert (
        f"{TASKS - reached} were not reached by the budget; the same command with a larger --budget asks for them again"
        in say(result)
    )


def test_what_the_judges_engine_refused_is_not_said_to_be_the_budgets_fault(
    folder: Path, server: JudgeServer, db_engine: Database
) -> None:
    server.refuses = True
    job_id = answer_run(db_engine, folder)
    said = say(judge(job_id))
    assert (
        f"{TASKS} were not read, as the judge's engine failed or refused; the same command asks for them again" in said
    )
    assert "budget" not in said


def test_what_a_person_said_or_a_grader_knows_is_not_judged(
    folder: Path, server: JudgeServer, db_engine: Database
) -> None:
    job_id = answer_run(db_engine, folder)
    labels = folder / "labels.jsonl"
    labels.write_text("".join(f'{{"custom_id": "task-{n}", "correct": 1}}\n' for n in range(10)), encoding="utf-8")
    assert CliRunner().invoke(app, ["feedback", str(job_id), str(labels)]).exit_code == ExitCode.DONE
    assert judge(job_id).exit_code == ExitCode.DONE
    assert sorted(server.asked) == ["odd", "poor"]

    graded = answer_run(db_engine, folder, grader={"kind": "exact", "reference": "good"})
    assert f"job {graded}: no answer waits for a judge: only those of tasks with a grader" in say(judge(graded))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "jury"}, "strategies.yaml has no strategy jury; it has judge"),
        ({"budget": "3 USD"}, "--budget is in USD, in which judge has no price: use tokens"),
        ({"budget": "some"}, "'some' is not a budget"),
    ],
)
def test_what_can_not_be_judged_is_refused(
    folder: Path, db_engine: Database, options: dict[str, str], message: str
) -> None:
    job_id = answer_run(db_engine, folder)
    result = judge(job_id, **options)  # type: ignore[arg-type]  # by name
    assert result.exit_code == ExitCode.USAGE
    assert message in " ".join(result.output.split())
    assert list_judging_jobs(db_engine) == []


def test_a_job_that_is_only_submitted_is_judged_by_a_command_of_its_own(folder: Path) -> None:
    words = ["submit", "tasks.jsonl", "--strategies", str(folder / "strategies.yaml"), "--budget", "25%"]
    refused = CliRunner().invoke(app, [*words, "--judge", "judge"])
    assert refused.exit_code == ExitCode.USAGE
    assert "`apportion judge JOB --by judge`" in " ".join(refused.output.split())


def test_a_percentage_is_one_of_the_judged_jobs_budget(folder: Path, db_engine: Database) -> None:
    job_id = answer_run(db_engine, folder)
    assert judge(job_id, budget="50%").exit_code == ExitCode.DONE
    (judging,) = list_judging_jobs(db_engine)
    with session_scope(db_engine) as session:
        own = read_budget(session, budget_id=read_job(session, job_id=judging).budget_id)
    assert own.cap == 500
