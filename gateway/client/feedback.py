"""`apportion feedback`, given to a server."""

from pathlib import Path

from rich.console import Console

from gateway.client.server import ApiServer
from gateway.commands.feedback import read_labels, say_stored
from gateway.exit_codes import ExitCode
from gateway.json_option import tell


def give_feedback_there(
    console: Console, server: ApiServer, *, batch_id: str, label_file: Path, source: str, as_json: bool
) -> ExitCode:
    """All labels of the file are stored, or none."""
    labels = [
        {
            "custom_id": label.custom_id,
            "correct": label.correct,
            "source": label.source.value,
            **({} if label.strategy is None else {"strategy": label.strategy}),
        }
        for label in read_labels(label_file, source=source)
    ]
    stored = server.post("/v1/feedback", {"batch_id": batch_id, "labels": labels})
    words = f"{batch_id}: {say_stored(labels=stored['labels'], new=stored['new'])}"
    tell(console, words, stored, as_json=as_json)
    return ExitCode.DONE
