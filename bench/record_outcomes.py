"""Records what every strategy answers to a calibration file, so that others need not run it: minutes, not seconds.

    python -m bench.record_outcomes [--tasks FILE] [--strategies FILE] [--out FILE] [--job N]

With --job nothing is run: the recording is that of a completed calibration in the configured database.
"""

import argparse
from pathlib import Path

from rich.console import Console

from bench.private_workshop import answer_all, open_private_workshop
from db.session import session_scope
from gateway.live.plain_view import PlainView
from worker.database import open_database
from worker.job_recording import record_job
from worker.recording import Recording, write_recording
from worker.settings import read_settings

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def record_stored_job(job_id: int) -> Recording:
    """The recording of a calibration that somebody ran before."""
    with open_database(read_settings()) as database, session_scope(database) as session:
        return record_job(session, job_id=job_id)


def record_now(task_file: Path, strategy_file: Path) -> Recording:
    """The recording of a calibration run for it, in a database of its own."""
    with PlainView(Console()) as view, open_private_workshop(strategy_file, view=view) as workshop:
        return answer_all(workshop, task_file)


def main() -> None:
    """Record, and say what was recorded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=Path, default=EXAMPLES / "calibration.jsonl")
    parser.add_argument("--strategies", type=Path, default=EXAMPLES / "strategies.yaml")
    parser.add_argument("--out", type=Path, default=EXAMPLES / "recorded_outcomes.jsonl")
    parser.add_argument("--job", type=int, help="a completed calibration of the configured database")
    arguments = parser.parse_args()
    if arguments.job is None:
        recording = record_now(arguments.tasks, arguments.strategies)
    else:
        recording = record_stored_job(arguments.job)
    write_recording(recording, arguments.out)
    tasks = len({outcome.custom_id for outcome in recording.outcomes})
    print(
        f"{arguments.out}: {len(recording.outcomes):,} outcomes of {len(recording.strategy_hashes)} strategies "
        f"on {tasks} tasks"
    )


if __name__ == "__main__":
    main()
