"""Makes .venv from the lock files: `make install` (with ENGINE=, TORCH_INDEX=), run by the system's Python, alone.

The locks are complete, so everything is installed with --no-deps: what pip would add on its own (a CUDA torch, a build
of llama.cpp) is not wanted. A second run with the same locks does nothing.
"""

import argparse
import fcntl
import hashlib
import json
import re
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from install.machine import has_gpu, refuse_cuda_torch

CHECKOUT = Path(__file__).resolve().parent.parent
ENVIRONMENT = CHECKOUT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
# What was installed, written last: without it nobody knows what a killed pip left half unpacked, and all starts anew.
RECORD = ENVIRONMENT / "installed.json"
LOG = ENVIRONMENT / "install.log"
PIP = "pip==26.3"
DOWNLOADING = re.compile(r"\s*Downloading .*\((?P<amount>[\d.]+) (?P<unit>kB|MB|GB)\)")
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


class Plan(NamedTuple):
    """What is to be installed."""

    engine: str
    locks: tuple[Path, ...]
    torch_index: str

    def record(self) -> dict[str, str]:
        """What decides whether an existing environment is this plan's."""
        files = [*self.locks, CHECKOUT / "pyproject.toml"]
        digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return {"engine": self.engine, "python": sys.version, **digests}


def make_plan(arguments: argparse.Namespace) -> Plan:
    engine = arguments.engine or ("gpu" if has_gpu() else "cpu")
    names = [engine, "dev"] if arguments.dev else [engine]
    locks = tuple(CHECKOUT / "install" / f"{name}.lock" for name in names)
    return Plan(engine, locks, arguments.torch_index)


def is_installed(plan: Plan) -> bool:
    """Whether the environment has all of the plan; it may have more, the development tools."""
    return plan.record().items() <= _read_record().items()


def install(plan: Plan) -> None:
    """Make the environment, or bring it up to date."""
    earlier = _read_record()
    if (earlier.get("engine"), earlier.get("python")) != (plan.engine, sys.version):
        _make_environment()
    RECORD.unlink(missing_ok=True)
    index_options = [f"--index-url={plan.torch_index}"] if plan.torch_index else []
    torch = _torch_requirement(plan.locks[0])
    if plan.engine != "gpu" and not _has_torch(torch):
        refuse_cuda_torch(PYTHON, torch, index_options)
    for lock in plan.locks:
        print(f"{lock.name}: {_stated_download(lock)}", "What is there already is kept." if earlier else "", flush=True)
    _run_pip([*index_options, torch])
    _run_pip([f"--requirement={lock}" for lock in plan.locks])
    _run_pip(["--no-build-isolation", f"--editable={CHECKOUT}"])
    write_record(plan)


def write_record(plan: Plan) -> None:
    """Say what the environment holds; whatever was there before is no longer said."""
    RECORD.write_text(json.dumps(plan.record(), indent=2))


def _read_record() -> dict[str, str]:
    try:
        record: dict[str, str] = json.loads(RECORD.read_text())
    except FileNotFoundError:
        return {}
    return record


def _make_environment() -> None:
    """An empty environment, in place of whatever is there: another engine's, or one that was never finished."""
    print(f"Making {ENVIRONMENT.name} with Python {sys.version.split()[0]}", flush=True)
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True, symlinks=True)
    except subprocess.CalledProcessError:
        sys.exit("Python's venv module cannot install pip: on Debian and Ubuntu, apt-get install python3-venv")
    _run_pip([PIP])


def _torch_requirement(lock: Path) -> str:
    """The lock's torch, which may come from an index of its own."""
    return next(line.split()[0] for line in lock.read_text().splitlines() if line.startswith("torch=="))


def _has_torch(requirement: str) -> bool:
    """Whether the environment has this torch already; "2.13.0+cpu" is one index's name for a build of 2.13.0."""
    return any(ENVIRONMENT.glob(f"lib/*/site-packages/{requirement.replace('==', '-')}[+.]*dist-info"))


def _stated_download(lock: Path) -> str:
    """What the lock says of itself: "175 packages, 841 MB to download."."""
    return next(line.partition(": ")[2] for line in lock.read_text().splitlines() if "to download" in line)


def _run_pip(arguments: Sequence[str]) -> None:
    """Install without dependencies, saying from time to time how much was downloaded; all pip says goes to the log."""
    # Bytecode is made when a module is first imported: most of these thousands never are.
    command = [str(PYTHON), "-m", "pip", "install", "--no-deps", "--no-compile", "--no-input", "--progress-bar=off"]
    downloaded, next_report = 0.0, 1e8
    with (
        LOG.open("a") as log,
        subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            log.write(line)
            if match := DOWNLOADING.match(line):
                downloaded += float(match["amount"]) * BYTES[match["unit"]]
            if downloaded >= next_report:
                print(f"  {downloaded / 1e6:.0f} MB downloaded", flush=True)
                next_report = downloaded + 1e8
    if pip.returncode != 0:
        errors = [line for line in LOG.read_text().splitlines() if not line.startswith("WARNING")][-15:]
        sys.exit("\n".join([*errors, f"pip failed; all it said is in {LOG}"]))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """A second `make` in this checkout waits for the first."""
    with (CHECKOUT / "install" / "install.py").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description="Install Apportion into .venv from the lock files.")
    parser.add_argument(
        "--engine", choices=["", "cpu", "gpu", "transformers"], default="", help="empty: what fits this machine"
    )
    parser.add_argument("--torch-index", default="", help="address of the package index to take torch from")
    parser.add_argument("--dev", action="store_true", help="the tools of `make test` and `make lint` as well")
    arguments = parser.parse_args()
    with _one_at_a_time():
        plan = make_plan(arguments)
        if is_installed(plan):
            return
        started = time.monotonic()
        install(plan)
        print(f"Installed for engine {plan.engine} in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
