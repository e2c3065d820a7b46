"""The `feedback` command: options in, one call, an exit code out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.json_option import AsJson


def feedback(
    job: Annotated[int, typer.Argument(metavar="JOB", help="The job's number.")],
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help='JSONL: {"custom_id": "a", "correct": 0.5}, and "source".')
    ],
    source: Annotated[
        str, typer.Option(metavar="person|judge|grader", help="Whose the labels are that do not say.")
    ] = "person",
    as_json: AsJson = False,
) -> None:
    """Store what people or judges say of a job's answers; `train` learns from it."""

    def work(console: Console) -> ExitCode:
        from gateway.commands.feedback import give_feedback

        return give_feedback(console, job_id=job, label_file=labels, source=source, as_json=as_json)

    end(work)
