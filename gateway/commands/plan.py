"""`apportion plan`: what a job file could cost and reach, before anything is spent."""

from pathlib import Path

from rich.console import Console

from gateway.commands.run import read_tasks_of
from gateway.commands.working import working
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console, tell
from gateway.preview_json import describe_preview
from gateway.report.plots.preview import require_picture, write_picture
from gateway.report.preview_text import show_preview
from router.warm_up import compile_kernels
from worker.bootstrap import open_workshop
from worker.pool import read_strategy_file
from worker.preview import Preview, preview_file
from worker.progress import Progress, Stage
from worker.settings import read_settings

WIDEST = 100


def plan_job_file(
    console: Console, *, job_file: Path, strategy_file: Path, out: Path | None, as_json: bool
) -> ExitCode:
    """Nothing is stored but the file's strategies; `out` gets the picture."""
    if out is not None:
        require_picture(out)
    tasks = read_tasks_of(job_file, pool=read_strategy_file(strategy_file))
    settings = read_settings()
    with (
        working(choose_progress_console(console, as_json=as_json), settings) as work,
        open_workshop(settings, strategy_file=strategy_file, watch=work.view.show) as workshop,
    ):
        work.view.show(Progress(stage=Stage.ALLOCATOR))
        compile_kernels()
        preview = preview_file(workshop, tasks=tasks)
    return show_plan(console, preview, out=out, as_json=as_json)


def show_plan(console: Console, preview: Preview, *, out: Path | None, as_json: bool) -> ExitCode:
    """The preview on the console, and its picture in `out`."""
    if out is not None:
        write_picture(preview, out)
    words = show_preview(preview, width=min(WIDEST, console.width))
    tell(console, words, describe_preview(preview), as_json=as_json)
    return ExitCode.DONE
