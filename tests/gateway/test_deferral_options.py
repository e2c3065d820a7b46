"""Which tasks go without where a budget does not reach all: as commands and batches ask for it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.api.batch_request import BatchRequest
from gateway.batch_asked import Asked
from gateway.cli import app
from gateway.exit_codes import ExitCode
from gateway.request import read_wish
from router.allocation import Deferral

OTHERS = {"target_accuracy": None, "exploration": None, "second_chances": False, "priority": 0, "deadline": None}
BATCH = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}


@pytest.mark.parametrize("deferral", [None, *Deferral])
def test_commands_and_batches_ask_alike(deferral: Deferral | None) -> None:
    by_option = {"weight": None, "shared_budget": None, "deferral": deferral and deferral.value}
    wish = read_wish(budget="20 tokens", **by_option, **OTHERS)  # type: ignore[arg-type]  # by name
    assert wish.request.deferral is deferral
    batch = BatchRequest.model_validate({**BATCH, "budget": "20 tokens", "deferral": deferral or "none"}).asked()
    assert Asked.from_json(batch.to_json()).request().deferral is deferral


def test_a_batch_of_an_earlier_release_is_read() -> None:
    stored = BatchRequest.model_validate({**BATCH, "budget": "20 tokens"}).asked().to_json()
    del stored["deferral"]
    assert Asked.from_json({**stored, "defers": True}).request().deferral is Deferral.SERVE_MOST
    assert Asked.from_json({**stored, "defers": False}).request().deferral is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget", "20 tokens", "--deferral", "some"], "write serve-most or most-valuable"),
        (["--weight", "1", "--deferral", "serve-most"], "give a budget with it"),
    ],
)
def test_what_can_not_be_meant_is_refused(tmp_path: Path, words: list[str], message: str) -> None:
    refused = CliRunner().invoke(app, ["submit", "tasks.jsonl", "--strategies", str(tmp_path / "s.yaml"), *words])
    assert refused.exit_code == ExitCode.USAGE
    assert message in " ".join(refused.output.split())
