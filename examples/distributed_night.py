"""The example night as a fleet answers it, on this machine alone: `make night`.

A private Postgres and Redis; a Celery worker that routes, reconciles and trains; a Celery worker of the engine; and the
commands of `make run` as producers, each a process of its own. What is killed meanwhile is started again.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from gateway.ending import end
from gateway.exit_codes import ExitCode
from gateway.live.noted_warnings import note_warnings
from worker.local_system import LocalSystem, run_local_system
from worker.pool import read_strategy_file
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_queue
from worker.settings import read_settings

EXAMPLES = Path(os.path.relpath(Path(__file__).parent))
STRATEGIES = EXAMPLES / "strategies.yaml"
LOOK_SECONDS = 0.5


def list_commands(job_file: Path, *, out: Path) -> list[list[str]]:
    """What `make run` runs, word by word."""
    strategies = ["--strategies", str(STRATEGIES)]
    recording = ["--recording", str(EXAMPLES / "recorded_outcomes.jsonl")]
    return [
        ["calibrate", str(EXAMPLES / "calibration.jsonl"), *strategies, *recording],
        ["train", *strategies],
        ["run", str(job_file), *strategies, "--budget", "25%", "--out", str(out)],
    ]


def answer_night(console: Console, *, job_file: Path, out: Path) -> ExitCode:
    """The exit code of the first command that did not do what was asked, once the workers have drained."""
    engines = sorted({strategy.engine.name for strategy in read_strategy_file(STRATEGIES).strategies})
    queues = {"router": [ROUTER, RECONCILER, TRAINER]} | {f"engine-{name}": [engine_queue(name)] for name in engines}
    logs = out / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    settings = replace(read_settings(), strategies=STRATEGIES.resolve())
    with (
        note_warnings(lambda text: console.print(Text(f"! {text}"))),
        run_local_system(settings, queues=queues, log_directory=logs) as system,
    ):
        started = ", ".join(f"{worker.name} (process {worker.process.pid})" for worker in system.workers)
        console.print(Text(f"Postgres and Redis run; workers {started}; their logs are in {logs}"))
        code = _run_commands(console, list_commands(job_file, out=out), system=system)
        console.print(Text("draining the workers"))
    if code is not ExitCode.DONE:
        console.print(Text("the workers are gone too; `make night` or `apportion continue JOB` goes on with the job"))
    return code


def _run_commands(console: Console, commands: Sequence[Sequence[str]], *, system: LocalSystem) -> ExitCode:
    for words in commands:
        console.print(Text(f"$ apportion {' '.join(words)}", style="bold"))
        code = _run_command(words, system=system)
        if code != ExitCode.DONE:
            return ExitCode(code) if code in list(ExitCode) else ExitCode.ABORTED
    return ExitCode.DONE


def _run_command(words: Sequence[str], *, system: LocalSystem) -> int:
    """Its exit code; Ctrl-C and SIGTERM are the command's business, which ends soon after."""
    script = Path(sys.executable).with_name("apportion")
    command = subprocess.Popen([script, *words], env=system.environment)
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),  # the terminal sends it to the command as well
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: command.terminate()),
    }
    try:
        while command.poll() is None:
            system.revive()
            time.sleep(LOOK_SECONDS)
    finally:
        command.terminate()
        for number, handler in before.items():
            signal.signal(number, handler)
    return command.wait()


def main(job_file: Path = EXAMPLES / "night.jsonl", out: Path = Path("out") / "night-distributed") -> None:
    """Answer a job file of the example night's kinds within a quarter of the budget range."""
    end(lambda console: answer_night(console, job_file=job_file, out=out))


if __name__ == "__main__":
    typer.run(main)
