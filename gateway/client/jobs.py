"""The commands on jobs, asked of a server: `run`, `submit`, `continue`, `status`, `results`, `cancel`, `pause`."""

from codecs import iterdecode
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gateway.client.batches import FINAL, Batch, JudgeWish, create_batch, follow_batch, read_batch
from gateway.client.server import ApiServer
from gateway.commands.working import working
from gateway.console import write_out
from gateway.errors import ServerError
from gateway.exit_codes import ExitCode
from gateway.json_option import choose_progress_console, tell
from gateway.output_files import ERRORS, RESULTS
from gateway.output_folder import check_output_folder, writing_output
from gateway.report.amounts import UNKNOWN, say_share
from gateway.request import Wish
from worker.settings import read_settings

LISTED = 20
PLANNED = FINAL | {"in_progress", "finalizing", "cancelling"}


def run_there(
    console: Console,
    server: ApiServer,
    *,
    job_file: Path,
    wish: Wish,
    out: Path,
    judge: JudgeWish | None,
    as_json: bool,
) -> ExitCode:
    """The file answered as a batch, and its files in `out`."""
    check_output_folder(out)
    with working(choose_progress_console(console, as_json=as_json), read_settings()) as work:
        batch = create_batch(server, job_file, wish=wish, watch=work.view.show, judge=judge)
        work.view.note(f"{batch['id']}: `apportion continue {batch['id']} --out {out}` watches it again")
        batch = follow_batch(server, batch["id"], until=FINAL, draining=work.draining, watch=work.view.show)
    return _finish(console, server, batch, out=out, as_json=as_json)


def submit_there(
    console: Console, server: ApiServer, *, job_file: Path, wish: Wish, judge: JudgeWish | None, as_json: bool
) -> ExitCode:
    """The batch's id, once the server has planned it; what is wrong with it ends the command."""
    with working(choose_progress_console(console, as_json=as_json), read_settings()) as work:
        batch = create_batch(server, job_file, wish=wish, watch=work.view.show, judge=judge)
        batch = follow_batch(server, batch["id"], until=PLANNED, draining=work.draining, watch=work.view.show)
    comes_back = f"`apportion continue {batch['id']} --out DIR` waits for its end and writes its files"
    tell(console, f"{batch['id']}: {batch['status']}; {comes_back}", batch, as_json=as_json)
    return ExitCode.DONE


def continue_there(console: Console, server: ApiServer, *, batch_id: str, out: Path | None, as_json: bool) -> ExitCode:
    """The batch watched to its end; its files in `out`, where one is named."""
    if out is not None:
        check_output_folder(out)
    with working(choose_progress_console(console, as_json=as_json), read_settings()) as work:
        batch = follow_batch(server, batch_id, until=FINAL, draining=work.draining, watch=work.view.show)
    return _finish(console, server, batch, out=out, as_json=as_json)


def _finish(console: Console, server: ApiServer, batch: Batch, *, out: Path | None, as_json: bool) -> ExitCode:
    if batch["status"] not in FINAL:
        again = f"{batch['id']} goes on without this command: `apportion continue {batch['id']}` watches it again"
        tell(console, again, batch, as_json=as_json)
        return ExitCode.DRAINED
    if out is not None:
        _write_files(server, batch, folder=out)
    place = "" if out is None else f"results and errors are in {out}"
    tell(console, Group(_draw_batch(batch), Text(place)), batch, as_json=as_json)
    return ExitCode.DONE


def _write_files(server: ApiServer, batch: Batch, *, folder: Path) -> None:
    """Both files, an empty one where the batch has none; replaced together."""
    with writing_output(folder) as output:
        for name, key in ((RESULTS, "output_file_id"), (ERRORS, "error_file_id")):
            with output.file(name) as stream:
                for piece in server.read_file(batch[key]) if batch[key] else ():
                    stream.buffer.write(piece)


def show_status_there(console: Console, server: ApiServer, *, batch_id: str | None, as_json: bool) -> ExitCode:
    """One batch in full, or one line for each of the latest."""
    if batch_id is not None:
        batch = read_batch(server, batch_id)
        tell(console, _draw_batch(batch), batch, as_json=as_json)
        return ExitCode.DONE
    batches = server.get("/v1/batches", limit=LISTED)["data"]
    tell(console, _draw_batches(batches), batches, as_json=as_json)
    return ExitCode.DONE


def print_results_there(console: Console, server: ApiServer, *, batch_id: str, errors: bool) -> ExitCode:
    """The lines of a batch's output file, or of its error file, on standard output."""
    batch = read_batch(server, batch_id)
    if batch["status"] not in FINAL:
        raise ServerError(
            f"{batch_id} is {batch['status']}, and a server writes files at the end: `apportion continue {batch_id} "
            "--out DIR` waits for it",
            exit_code=ExitCode.NOT_FOUND,
        )
    file_id = batch["error_file_id" if errors else "output_file_id"]
    pieces = server.read_file(file_id) if file_id else iter(())
    write_out(console, iterdecode(pieces, "utf-8"))
    return ExitCode.DONE


def cancel_there(console: Console, server: ApiServer, *, batch_id: str, as_json: bool) -> ExitCode:
    """What runs is finished and paid for; the rest ends as cancelled."""
    batch = server.post(f"/v1/batches/{batch_id}/cancel")
    waits = f"`apportion results {batch_id}` has what was answered, once its status is cancelled"
    tell(console, f"{batch_id} is {batch['status']}: {waits}", batch, as_json=as_json)
    return ExitCode.DONE


def pause_there(console: Console, server: ApiServer, *, batch_id: str, as_json: bool) -> ExitCode:
    """What runs is finished; nothing new is started until it is unpaused."""
    batch = server.post(f"/v1/batches/{batch_id}/pause")
    words = f"{batch_id} is paused: what runs is finished; `apportion unpause {batch_id}` lets it go on"
    tell(console, words, batch, as_json=as_json)
    return ExitCode.DONE


def unpause_there(console: Console, server: ApiServer, *, batch_id: str, as_json: bool) -> ExitCode:
    """The server's workers go on with it."""
    batch = server.post(f"/v1/batches/{batch_id}/unpause")
    tell(console, f"{batch_id} goes on", batch, as_json=as_json)
    return ExitCode.DONE


def _draw_batches(batches: Sequence[Batch]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", caption=None if batches else "no batches yet")
    for heading in ("batch", "status", "answered", "spent"):
        table.add_column(heading, no_wrap=heading == "batch")
    for batch in batches:
        table.add_row(batch["id"], batch["status"], _say_answered(batch), _say_spent(batch))
    return table


def _draw_batch(batch: Batch) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_row("batch", f"{batch['id']}, {batch['status']}{', paused' if batch['paused'] else ''}")
    table.add_row("answered", _say_answered(batch))
    if batch["spent"] is not None:
        routing = batch["routing"]
        table.add_row("spent", _say_spent(batch))
        table.add_row("right", f"{say_share(routing['observed_accuracy'])} of what is graded")
        table.add_row("went to", ", ".join(f"{name} {count:,}" for name, count in routing["mix"].items() if count))
    if batch["skipped_budget"]:
        table.add_row("budget exhausted", f"{batch['skipped_budget']:,} tasks")
    for problem in (batch["errors"] or {"data": []})["data"]:
        table.add_row("error", problem["message"])
    return table


def _say_answered(batch: Batch) -> str:
    counts = batch["request_counts"]
    return f"{counts['completed']:,} of {counts['total']:,}, {counts['failed']:,} with an error"


def _say_spent(batch: Batch) -> str:
    spent = batch["spent"]
    return UNKNOWN if spent is None else f"{spent['amount']:.4g} {spent['unit']}"
