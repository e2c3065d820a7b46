"""Recordings survive the way to a file and into a database; a file that does not says which line."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database

from db.session import run_in_transaction, session_scope
from router.units import Unit
from tests.worker.fake_night import budget, make_pool, make_tasks, predict_flat, submit
from worker.calibration import submit_recorded
from worker.errors import RecordingError
from worker.job_recording import record_job
from worker.pool import register_pool
from worker.recording import RecordedOutcome, Recording, read_recording, write_recording

IDENTITY = {"kind": "fake", "version": "1"}
USED = [{"texts": 1, "prompt_tokens": 2, "output_tokens": 1}, {"texts": 0, "prompt_tokens": 3, "output_tokens": 1}]


def outcome(task: str, strategy: str, **given: Any) -> RecordedOutcome:
    own = {"answer": "yes", "texts": ["yes"], "finish_reasons": ["stop"]}
    numbers = {"prompt_tokens": 5, "output_tokens": 2, "cost": 2, "correct": 1.0}
    return RecordedOutcome(custom_id=task, strategy=strategy, **(own | numbers | given))


def make_recording() -> Recording:
    """Two strategies on two tasks; one of them can not serve the second."""
    outcomes = [
        outcome("task-0", "small"),
        outcome("task-0", "large", answer="5", texts=["2 + 3\n", "2 +\u2028 3"], finish_reasons=["stop", "length"]),
        outcome("task-1", "small", answer="", texts=["é \U0001f600"], cost=2**60, correct=0.25, requests=USED),
    ]
    hashes = {priced.strategy.name: priced.strategy.spec_hash for priced in make_pool().strategies}
    return Recording(
        tasks_sha256="ab" * 32,
        unit=Unit.TOKENS,
        engines={"fake": IDENTITY},
        strategy_hashes=hashes,
        outcomes=outcomes,
    )


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    write_recording(make_recording(), path)
    assert read_recording(path) == make_recording()
    assert [name.name for name in tmp_path.iterdir()] == [path.name]


def test_what_goes_without_saying_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    write_recording(make_recording(), path)
    lines = [json.loads(line) for line in path.read_text().split("\n")[1:4]]
    assert ["texts" in line for line in lines] == [False, True, True]
    assert ["requests" in line for line in lines] == [False, False, True]


def test_a_failed_write_leaves_the_earlier_recording(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    write_recording(make_recording(), path)
    spoilt = replace(make_recording(), outcomes=[outcome("task-0", "small", correct=object())])
    with pytest.raises(TypeError):
        write_recording(spoilt, path)
    assert read_recording(path) == make_recording()
    assert [name.name for name in tmp_path.iterdir()] == [path.name]


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere/recording\.jsonl: can not be written: No such file"):
        write_recording(make_recording(), tmp_path / "nowhere" / "recording.jsonl")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"apportion_recording": 2}, ":1: is not the first line of a recording of format 1"),
        ({"unit": "beans"}, ":1: unit: is not one of FLOPs, USD"),
        ({"engines": {"fake": {"version": 1}}}, ":1: engines: is not an identity of each engine"),
        ({"strategies": ["small"]}, ":1: strategies: is not a hash of each strategy"),
        ({"surprise": 1}, ":1: fields that are missing or not known: surprise"),
        ({"tasks_sha256": None}, ":1: tasks_sha256: is not text"),
        ({"strategies": {"small": "0"}}, ":3: strategy: large is not in the first line"),
    ],
)
def test_a_header_that_can_not_be_used(tmp_path: Path, change: Mapping[str, Any], complaint: str) -> None:
    assert complaint in refuse(tmp_path, line=1, change=change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"cost": -1}, ":4: cost: is not a whole number of at least 0"),
        ({"cost": True}, ":4: cost: is not a whole number"),
        ({"prompt_tokens": 1.5}, ":4: prompt_tokens: is not a whole number"),
        ({"correct": 1.5}, ":4: correct: is not null or a number from 0 to 1"),
        ({"correct": float("nan")}, ":4: correct: is not null or a number from 0 to 1"),
        ({"texts": "one"}, ":4: texts: is not a list of texts"),
        ({"answer": None}, ":4: answer: is not text"),
        ({"custom_id": "task-0"}, ":4: line 2 has this task and strategy already"),
        ({"requests": [{"texts": 1}]}, ":4: requests: is not a list of what each request used"),
        ({"sometimes": 1}, ":4: fields that are missing or not known: sometimes"),
    ],
)
def test_an_outcome_that_can_not_be_used(tmp_path: Path, change: Mapping[str, Any], complaint: str) -> None:
    assert complaint in refuse(tmp_path, line=4, change=change)


def refuse(folder: Path, *, line: int, change: Mapping[str, Any]) -> str:
    """What is said about the recording with one line changed."""
    path = folder / "recording.jsonl"
    write_recording(make_recording(), path)
    lines = path.read_text().split("\n")
    lines[line - 1] = json.dumps(json.loads(lines[line - 1]) | change)
    path.write_text("\n".join(lines))
    with pytest.raises(RecordingError) as caught:
        read_recording(path)
    assert "bench/record_outcomes.py" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", ":1: is not JSON"),
        (b"[]\n", ":1: is not a JSON object"),
        (b"{" * 5, ":1: is not JSON"),
        (b'{"a": ' * 50_000, ":1: is not JSON"),
        (b"\xff\xfe", ": can not be read"),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as caught:
        read_recording(path)
    assert str(caught.value).startswith(f"{path}{complaint}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read_recording(tmp_path / "recording.jsonl")


def test_a_calibration_is_recorded_as_it_was_imported(db_engine: Database) -> None:
    recording, pool = make_recording(), make_pool()

    def store(session: Any) -> int:
        return submit_recorded(
            session,
            tasks=make_tasks(2),
            tasks_sha256=recording.tasks_sha256,
            pool=pool,
            strategy_ids=register_pool(session, tenant_id="default", pool=pool),
            recording=recording,
        )

    job_id = run_in_transaction(db_engine, store)
    with session_scope(db_engine) as session:
        assert record_job(session, job_id=job_id) == recording


def test_only_a_completed_calibration_is_recorded(db_engine: Database) -> None:
    predictions = predict_flat(2, small=(0.5, 5), large=(0.9, 20))
    job_id = submit(db_engine, predictions=predictions, objective=budget(100))
    with (
        session_scope(db_engine) as session,
        pytest.raises(RecordingError, match=f"job {job_id} is a run, submitted: only a completed calibration"),
    ):
        record_job(session, job_id=job_id)
