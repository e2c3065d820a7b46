"""Batches over HTTP, answered: from a file to two files, with what they cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gateway.api.app import create_app
from tests.gateway.api.office import Office, batch_of
from tests.gateway.api.trained import write_lines


def test_a_batch_goes_from_a_file_to_its_answers(office: Office) -> None:
    batch = office.submit(write_lines(20, prefix="whole"), metadata={"night": "1"}, budget="50%")
    assert (batch["status"], batch["request_counts"]) == ("validating", {"total": 0, "completed": 0, "failed": 0})
    assert batch["expires_at"] - batch["created_at"] == 86_400
    batch = office.wait(batch["id"])
    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
    assert batch["created_at"] <= batch["in_progress_at"] <= batch["finalizing_at"] <= batch["completed_at"]
    assert [batch[name] for name in ("failed_at", "expired_at", "cancelled_at", "error_file_id", "errors")] == [
        None
    ] * 5
    assert batch["metadata"] == {"night": "1"}
    lines = office.lines(batch["output_file_id"])
    answers = {name: line["response"]["body"]["choices"][0]["message"]["content"] for name, line in lines.items()}
    assert answers == {f"whole-{number}": f"say whole {number}" for number in range(20)}
    assert sum(batch["routing"]["mix"].values()) == 20
    assert batch["routing"]["observed_accuracy"] == 1.0
    assert 0 < batch["routing"]["predicted_accuracy"] < 1
    assert batch["usage"]["total_tokens"] == batch["spent"]["amount"] > 0
    assert batch["spent"]["unit"] == "tokens"
    assert batch["skipped_budget"] == 0
    output = office.client.get(f"/v1/files/{batch['output_file_id']}").json()
    assert (output["purpose"], output["filename"]) == ("batch_output", f"{batch['id']}_output.jsonl")


def test_what_is_cancelled_keeps_what_was_answered(office: Office) -> None:
    batch = office.submit(write_lines(600, prefix="cut"), strategies=["patient"])
    office.wait(batch["id"], until=lambda now: now["request_counts"]["completed"] > 0)
    assert office.cancel(batch["id"])["status"] == "cancelling"
    batch = office.wait(batch["id"])
    assert batch["status"] == "cancelled"
    assert batch["cancelling_at"] <= batch["cancelled_at"]
    counts = batch["request_counts"]
    assert 0 < counts["completed"] < 600
    answered, failed = office.lines(batch["output_file_id"]), office.lines(batch["error_file_id"])
    assert (len(answered), len(failed)) == (counts["completed"], counts["failed"])
    assert answered.keys() | failed.keys() == {f"cut-{number}" for number in range(600)}
    assert {line["error"]["code"] for line in failed.values()} == {"batch_cancelled"}
    assert office.cancel(batch["id"])["status"] == "cancelled"  # again is the same


def test_what_a_budget_does_not_reach_is_told_line_by_line(office: Office) -> None:
    content = write_lines(30, prefix="poor")
    refused = office.wait(office.submit(content, budget={"amount": 20, "unit": "tokens"})["id"])
    assert refused["status"] == "failed"
    (error,) = refused["errors"]["data"]
    assert (error["code"], error["param"], error["line"]) == ("budget_too_small", "budget", None)
    assert "the smallest feasible budget is" in error["message"]
    batch = office.wait(office.submit(content, budget="120 tokens", deferral="serve-most")["id"])
    assert batch["status"] == "completed"
    counts = batch["request_counts"]
    assert batch["skipped_budget"] == counts["failed"] > 0
    assert counts["completed"] > 0
    codes = {line["error"]["code"] for line in office.lines(batch["error_file_id"]).values()}
    assert codes == {"budget_exhausted"}
    assert batch["spent"]["amount"] <= 120


@pytest.mark.parametrize("objective", [{"weight": 0.5}, {"target_accuracy": 0.01}])
def test_an_objective_in_place_of_a_budget(office: Office, objective: dict[str, float]) -> None:
    batch = office.wait(office.submit(write_lines(5, prefix="aim"), objective=objective)["id"])
    assert batch["request_counts"] == {"total": 5, "completed": 5, "failed": 0}


def test_only_allowed_strategies_answer(office: Office) -> None:
    batch = office.wait(office.submit(write_lines(5, prefix="few"), strategies=["large"], priority=7)["id"])
    assert batch["routing"]["mix"] == {"large": 5}
    pinned = office.submit(write_lines(5, prefix="pin", model="small"), strategies=["large"])
    (error, *_) = office.wait(pinned["id"])["errors"]["data"]
    assert (error["line"], error["param"]) == (1, "body.model")


def test_a_batch_of_which_every_line_fails_is_completed_with_errors_alone(office: Office) -> None:
    long = json.loads(write_lines(1))
    long["body"]["messages"][0]["content"] = "word " * 9000  # fits no context
    batch = office.wait(office.submit(json.dumps(long).encode())["id"])
    assert (batch["status"], batch["output_file_id"]) == ("completed", None)
    assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    assert office.lines(batch["error_file_id"])["task-0"]["error"]["code"] == "not_eligible"


def test_completions_are_answered_as_completions(office: Office) -> None:
    body = {"model": "auto", "prompt": "say it"}
    line = {"custom_id": "c", "method": "POST", "url": "/v1/completions", "body": body}
    batch = office.wait(office.submit(json.dumps(line).encode(), endpoint="/v1/completions")["id"])
    reply = office.lines(batch["output_file_id"])["c"]["response"]["body"]
    assert (reply["object"], reply["choices"][0]["text"]) == ("text_completion", "say it")


READ_AS_VLLM = """
import sys
from vllm.entrypoints.launchers.run_batch import BatchRequestInput, BatchRequestOutput
asked, answered = (open(path, encoding="utf-8") for path in sys.argv[1:])
names = [BatchRequestInput.model_validate_json(line).custom_id for line in asked]
outputs = [BatchRequestOutput.model_validate_json(line) for line in answered]
assert [output.custom_id for output in outputs] == names
print(*[output.response.body.choices[0].message.content for output in outputs], sep="; ")
"""


def test_vllm_reads_the_same_lines_as_its_own_batch_runner_does(office: Office, tmp_path: Path) -> None:
    content = write_lines(3, prefix="peer")
    batch = office.wait(office.submit(content)["id"])
    asked, answered = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    asked.write_bytes(content)
    answered.write_bytes(office.client.get(f"/v1/files/{batch['output_file_id']}/content").content)
    command = [sys.executable, "-c", READ_AS_VLLM, str(asked), str(answered)]
    read = subprocess.run(command, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert read.stdout.splitlines()[-1] == "say peer 0; say peer 1; say peer 2"


def test_pages_of_batches(office: Office) -> None:
    file_id = office.upload(b"nothing")
    made = [office.client.post("/v1/batches", json=batch_of(file_id)).json()["id"] for _ in range(3)]
    page = office.client.get("/v1/batches", params={"limit": 2}).json()
    assert ([item["id"] for item in page["data"]], page["has_more"]) == ([made[2], made[1]], True)
    page = office.client.get("/v1/batches", params={"limit": 1, "after": made[1]}).json()
    assert [item["id"] for item in page["data"]] == [made[0]]
    for batch_id in made:
        assert office.wait(batch_id)["status"] == "failed"


def test_the_document_names_every_endpoint(office: Office) -> None:
    client = TestClient(create_app(office.door))
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/files", "/v1/files/{file_id}/content", "/v1/batches", "/v1/batches/{batch_id}/cancel"} <= paths.keys()
