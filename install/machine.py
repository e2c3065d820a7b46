"""What this machine is: whether it has a GPU, and whether torch would bring CUDA."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CUDA_REQUIREMENT = re.compile(r"(nvidia|cuda)-")


def has_gpu() -> bool:
    """Whether an NVIDIA GPU answers, or its driver's device file is there."""
    program = shutil.which("nvidia-smi")
    if program is not None:
        answer = subprocess.run([program, "-L"], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and "GPU" in answer.stdout:
            return True
    return Path("/dev/nvidiactl").exists()


def refuse_cuda_torch(python: Path, torch: str, index_options: Sequence[str]) -> None:
    """Stop, naming the remedy, when pip would fetch a CUDA build of torch. Only metadata is fetched."""
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--quiet",
        "--report=-",
    ]
    command += ["--use-feature=fast-deps", "--only-binary=:all:", *index_options, torch]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        sys.exit(f"pip finds no {torch}:\n{answer.stderr.strip()[-2000:]}")
    (wheel,) = json.loads(answer.stdout)["install"]
    cuda = [name for name in wheel["metadata"].get("requires_dist", []) if CUDA_REQUIREMENT.match(name)]
    if cuda:
        sys.exit(
            f"Stopped before a large download: pip would fetch the CUDA build of {torch} with {len(cuda)} CUDA "
            "packages (several GB), and this machine has no GPU.\n"
            "Name an index that has torch's CPU builds (PyTorch's installation page gives its address):\n"
            "    make TORCH_INDEX=<address> run\n"
            "or put a CPU wheel of it into a folder and name that with PIP_FIND_LINKS.\n"
            "To use a GPU that was not detected: make ENGINE=gpu run"
        )
