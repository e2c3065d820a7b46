"""Output files: in the batch format, exact, and never half written."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openai.types.chat import ChatCompletion

from gateway.errors import OutputDiskFull, OutputNotWritable
from gateway.output_files import (
    AnsweredTask,
    Decision,
    StrategyForecast,
    UnansweredTask,
    decision_line,
    write_job_files,
)
from gateway.output_folder import check_output_folder
from router.units import Unit
from tests.open_directory import make_open_directory

ANSWER = AnsweredTask(
    seq=3,
    custom_id="arithmetic-003",
    url="/v1/chat/completions",
    strategy="program",
    answer="126.0",
    texts=("14 * 24 * 5 / 6 * 0.45",),
    finish_reasons=("stop",),
    prompt_tokens=212,
    output_tokens=17,
    cached_prompt_tokens=192,
    answered_at=datetime(2026, 2, 3, 22, 15, tzinfo=UTC),
)
REFUSED = UnansweredTask(seq=4, custom_id="long-004", code="budget_exhausted", message="1 quantum left, 2 needed")
DECISION = Decision(
    seq=3,
    custom_id="arithmetic-003",
    unit=Unit.USD,
    forecasts=(
        StrategyForecast(strategy="program", accuracy=0.58123, cost_quanta=123_456_789.0),
        StrategyForecast(strategy="choice", accuracy=None, cost_quanta=None, not_eligible="no options in the prompt"),
    ),
    chosen="program",
    shadow_price=4e-9,
    propensity=1.0,
    window=2,
    group=5,
    prompt_tokens=212,
    output_tokens=17,
    cost_quanta=120_000_000,
    grade=1.0,
)


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def test_the_official_types_read_a_result(tmp_path: Path) -> None:
    write_job_files(tmp_path, job_id=7, answered=[ANSWER], unanswered=[], decisions=[])
    [line] = lines_of(tmp_path / "results.jsonl")
    assert set(line) == {"id", "custom_id", "response", "error"}
    assert isinstance(line["response"], dict)
    completion = ChatCompletion.model_validate(line["response"]["body"])
    assert (completion.model, completion.choices[0].message.content) == ("program", "126.0")
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (212, 229)
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 192


def test_an_error_line_has_no_response(tmp_path: Path) -> None:
    write_job_files(tmp_path, job_id=7, answered=[], unanswered=[REFUSED], decisions=[])
    [line] = lines_of(tmp_path / "errors.jsonl")
    assert line["response"] is None
    assert line["error"] == {"code": "budget_exhausted", "message": "1 quantum left, 2 needed"}


def test_a_decision_is_in_units_and_names_who_could_not_serve() -> None:
    line = decision_line(DECISION)
    assert line["predicted"] == {"program": {"accuracy": 0.5812, "cost": 0.000123457}, "choice": None}
    assert line["not_eligible"] == {"choice": "no options in the prompt"}
    assert line["shadow_price"] == {"value": pytest.approx(4000.0), "unit": "right answers per USD"}
    assert line["cost"] == 0.00012


def test_flops_stay_whole_numbers() -> None:
    exact = 2**60 + 1
    line = decision_line(Decision(**{**vars(DECISION), "unit": Unit.FLOPS, "cost_quanta": exact}))
    assert line["cost"] == exact


def test_all_files_are_replaced_together_or_none(tmp_path: Path) -> None:
    write_job_files(tmp_path, job_id=1, answered=[ANSWER], unanswered=[], decisions=[], pages={"report.html": "<p>1"})

    def breaks() -> Iterator[Decision]:
        yield DECISION
        raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        write_job_files(tmp_path, job_id=2, answered=[], unanswered=[REFUSED], decisions=breaks())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "decisions.jsonl",
        "errors.jsonl",
        "report.html",
        "results.jsonl",
    ]
    assert lines_of(tmp_path / "results.jsonl")[0]["id"] == "batch_req_1_3"


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path) -> None:
    def fills_up() -> Iterator[Decision]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield DECISION

    with pytest.raises(OutputDiskFull, match="disk is full"):
        write_job_files(tmp_path, job_id=1, answered=[ANSWER], unanswered=[], decisions=fills_up())
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_made_is_named() -> None:
    with pytest.raises((OutputDiskFull, OutputNotWritable)):
        check_output_folder(Path("/proc/nowhere"))


def test_checking_makes_nothing(tmp_path: Path) -> None:
    check_output_folder(tmp_path / "deep" / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputNotWritable, match="out: a file is in its way"):
        check_output_folder(tmp_path / "out")
    with pytest.raises(OutputNotWritable, match="a file is in its way"):
        check_output_folder(tmp_path / "out" / "deeper")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_a_folder_of_somebody_else_is_named() -> None:
    locked = make_open_directory()
    os.seteuid(65534)
    try:
        with pytest.raises(OutputNotWritable, match="Permission denied"):
            check_output_folder(locked / "out")
    finally:
        os.seteuid(0)
        shutil.rmtree(locked)
