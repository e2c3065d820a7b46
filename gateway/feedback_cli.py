"""The `feedback` command: options in, one call, an exit code out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.exit_codes import ExitCode
from gateway.jobs_cli import JobName
from gateway.json_option import AsJson
from gateway.place import end_at

if TYPE_CHECKING:
    from gateway.client.server import ApiServer


def feedback(
    job: JobName,
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help='JSONL: {"custom_id": "a", "correct": 0.5}, and "source".')
    ],
    source: Annotated[
        str, typer.Option(metavar="person|judge|grader", help="Whose the labels are that do not say.")
    ] = "person",
    as_json: AsJson = False,
) -> None:
    """Store what people or judges say of a job's answers; `train` learns from it."""

    def here(console: Console) -> ExitCode:
        from gateway.commands.feedback import give_feedback
        from gateway.job_number import read_job_number

        job_id = read_job_number(job)
        return give_feedback(console, job_id=job_id, label_file=labels, source=source, as_json=as_json)

    def there(console: Console, server: "ApiServer") -> ExitCode:
        from gateway.client.feedback import give_feedback_there

        return give_feedback_there(console, server, batch_id=job, label_file=labels, source=source, as_json=as_json)

    end_at(database=here, server=there)
