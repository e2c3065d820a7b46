"""What foresees how a server's strategies do: `predictors list`, `predictors show`."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from db.predictors import PredictorVersion
from db.states import PredictorState
from gateway.client.server import ApiServer
from gateway.commands.predictors import draw_predictors, tell_report
from gateway.exit_codes import ExitCode
from gateway.json_option import tell
from gateway.promotion_report.gather import PromotionReport, TrialSeen


def list_predictors_there(console: Console, server: ApiServer, *, as_json: bool) -> ExitCode:
    """One row for each version, the newest of a strategy first."""
    predictors = server.get("/v1/predictors")["data"]
    versions = [_read_version(predictor) for predictor in predictors]
    tell(console, draw_predictors(versions), predictors, as_json=as_json)
    return ExitCode.DONE


def show_predictor_there(
    console: Console, server: ApiServer, *, predictor_id: int, folder: Path | None, as_json: bool
) -> ExitCode:
    """Why the version serves or does not; with a folder as a page there, with its plots."""
    found = server.get(f"/v1/predictors/{predictor_id}")
    trial = None if found["trial"] is None else TrialSeen(**found["trial"])
    report = PromotionReport(version=_read_version(found), report=found["report"], trial=trial)
    tell_report(console, report, folder=folder, as_json=as_json)
    return ExitCode.DONE


def _read_version(predictor: Mapping[str, Any]) -> PredictorVersion:
    return PredictorVersion(
        id=predictor["id"],
        strategy=predictor["strategy"],
        spec_hash="",
        version=predictor["version"],
        encoder=predictor["encoder"],
        state=PredictorState(predictor["state"]),
        figures=predictor["figures"] or {},
        created_at=datetime.fromisoformat(predictor["created_at"]),
    )
