"""`apportion plan`, asked of a server: by the models and predictors that are there."""

from pathlib import Path

from rich.console import Console

from gateway.client.server import ApiServer
from gateway.commands.plan import show_plan
from gateway.commands.working import working
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console
from gateway.preview_json import read_preview
from gateway.report.plots.preview import require_picture
from worker.progress import Progress, Stage
from worker.settings import read_settings


def plan_there(console: Console, server: ApiServer, *, job_file: Path, out: Path | None, as_json: bool) -> ExitCode:
    """The uploaded file's plan; the file is removed again."""
    if out is not None:
        require_picture(out)
    with working(choose_progress_console(console, as_json=as_json), read_settings()) as work:
        total = job_file.stat().st_size if job_file.exists() else 0
        file_id = server.upload(
            job_file, on_read=lambda done: work.view.show(Progress(stage=Stage.UPLOADING, done=done, total=total))
        )
        work.view.show(Progress(stage=Stage.PLANNING))
        try:
            plan = server.post("/v1/plan", {"input_file_id": file_id})
        finally:
            server.delete(f"/v1/files/{file_id}")
    return show_plan(console, read_preview(plan), out=out, as_json=as_json)
