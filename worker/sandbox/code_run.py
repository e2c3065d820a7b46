"""One answer's program run against its tests, in a sandbox of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import worker
from router.grading.code_tests import CodeTests, extract_code
from worker.errors import SandboxUnavailable
from worker.sandbox.inside.referee import PASSED, READY

START_SECONDS = 10  # beside what the program itself may take, for a machine that is busy
REMEDY = (
    "code answers are left ungraded: allow unprivileged user namespaces here (sysctl user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns; in a container a seccomp profile that lets unshare and mount pass)"
)


def count_passed(tests: CodeTests, answer: str) -> int:
    """How many tests the answer's program passes; SandboxUnavailable where nothing could be run safely."""
    if sys.platform != "linux":
        raise SandboxUnavailable(
            f"programs are run on Linux only, this is {sys.platform}: code answers are left ungraded"
        )
    wall_seconds = 2 * tests.seconds + 5
    request = {
        "setup": tests.setup,
        "program": extract_code(answer),
        "tests": tests.tests,
        "in_place": tests.in_place,
        "wall_seconds": wall_seconds,
    }
    with tempfile.TemporaryDirectory(prefix="apportion-cell-") as at:
        verdict = _run_cell(_describe_cell(tests, at=at), request, timeout=wall_seconds + START_SECONDS)
    return verdict[len(READY) :].count(PASSED)


def check_sandbox() -> None:
    """SandboxUnavailable where no program can be run safely on this machine."""
    trial = CodeTests(tests=("assert True",), setup="", seconds=5, memory_mib=256, partial=False, in_place=False)
    count_passed(trial, "pass")


def _describe_cell(tests: CodeTests, *, at: str) -> dict[str, Any]:
    return {
        "at": at,
        "interpreter": os.path.realpath(sys.executable),
        "prefix": os.path.realpath(sys.base_prefix),
        "memory_mib": tests.memory_mib,
        "cpu_seconds": tests.seconds,
    }


def _run_cell(cell: dict[str, Any], request: dict[str, Any], *, timeout: float) -> bytes:
    """What the referee wrote. Nothing of our environment is passed on, and none of our descriptors."""
    checkout = str(Path(worker.__file__).parent.parent)
    program = f"import sys; sys.path.append({checkout!r}); from worker.sandbox.cell import main; main()"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", program, json.dumps(cell)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        start_new_session=True,
    ) as process:
        try:
            verdict, complaint = process.communicate(json.dumps(request).encode(), timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            verdict, complaint = process.communicate()
    if not verdict.startswith(READY):
        reason = complaint.decode(errors="replace").strip() or f"it ended with {process.returncode}"
        raise SandboxUnavailable(f"no sandbox can be made here ({reason}): {REMEDY}")
    return verdict
