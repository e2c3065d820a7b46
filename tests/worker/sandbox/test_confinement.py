"""Programs that try to reach what is outside, to take more than their share, or to stay."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import worker
from tests.open_directory import make_open_directory
from tests.waiting import wait_until
from tests.worker.sandbox.programs import passed, reveal

NOBODY = 65534


def try_to(action: str) -> str:
    """A program that tries something, and says how it was refused."""
    return f"""
import os
def see():
    try:
        {action}
    except OSError as error:
        return error.strerror
    return 'done'"""


@pytest.mark.parametrize(
    ("action", "refusal"),
    [
        ("import socket; socket.socket()", "Operation not permitted"),
        ("import socket; socket.create_connection(('127.0.0.1', 22))", "Operation not permitted"),
        ("import socket; socket.socket(40, socket.SOCK_STREAM)", "Operation not permitted"),  # vsock has no namespaces
        ("os.fork()", "Operation not permitted"),
        ("import subprocess; subprocess.run(['/bin/true'])", "Operation not permitted"),
        ("import multiprocessing as m; m.get_context('fork').Process().start()", "Operation not permitted"),
        ("open('/x', 'w')", "Read-only file system"),
        ("open('/apportion/x', 'w')", "Read-only file system"),
        ("open('/usr/lib/x', 'w')", "Read-only file system"),
        ("open('/dev/x', 'w')", "Read-only file system"),
        ("os.listdir('/proc')", "No such file or directory"),
        ("os.listdir('/home')", "No such file or directory"),
        ("os.listdir('/var')", "No such file or directory"),
        ("open('/etc/passwd')", "No such file or directory"),
        ("os.setuid(1)", "Invalid argument"),
        ("os.chroot('/tmp')", "Operation not permitted"),
        ("os.mknod('/tmp/x', 0o60600, 0x801)", "Operation not permitted"),
        ("os.memfd_create('x')", "Operation not permitted"),
        ("os.pidfd_open(1)", "Operation not permitted"),
        ("open('/tmp/x', 'wb').write(bytes(20 * 2**20))", "File too large"),
        ("for i in range(3): open(f'/tmp/{i}', 'wb').write(bytes(9 * 2**20))", "No space left on device"),
        ("for i in range(1_000): open(f'/tmp/{i}', 'w').close()", "No space left on device"),
        ("for i in range(100): os.dup(0)", "Too many open files"),
        ("open('/tmp/x', 'w').close(); os.chmod('/tmp/x', 0o755); os.execv('/tmp/x', ['x'])", "Permission denied"),
    ],
)
def test_what_is_outside_can_not_be_reached(action: str, refusal: str) -> None:
    assert reveal(try_to(action), refusal)


def test_nothing_of_ours_is_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPORTION_SECRET", "secret")
    names = ["HOME", "LC_ALL", "MALLOC_ARENA_MAX", "PYTHONHASHSEED", "PYTHONUTF8"]
    assert reveal("import os\ndef see():\n    return sorted(os.environ)", names)
    assert reveal("import os\ndef see():\n    return os.getuid(), os.geteuid(), os.getgid()", (NOBODY, NOBODY, NOBODY))
    assert reveal("import os\ndef see():\n    return os.getpid(), os.getppid(), os.listdir('/tmp')", (2, 1, []))
    assert reveal("import sys\ndef see():\n    return any('site-packages' in place for place in sys.path)", False)
    descriptors = """
import os
def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
def see():
    return [fd for fd in range(64) if is_open(fd)]"""
    assert reveal(descriptors, [0, 1, 2, 3, 4])


def test_memory_is_limited() -> None:
    hoard = "def f(x):\n    try:\n        bytearray(300 * 2**20)\n    except MemoryError:\n        return x * x"
    assert passed(hoard, "assert f(2) == 4") == 1
    assert passed(hoard, "assert f(2) is None", memory_mib=512) == 1
    assert passed("def f(x):\n    items = []\n    while True:\n        items.append(bytes(2**20))", "assert f(1)") == 0


def test_threads_are_allowed_and_limited() -> None:
    program = """
import threading
def f(number):
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(number)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        return 'too many'
    finally:
        done.set()
    return number"""
    assert passed(program, "assert f(16) == 16") == 1
    assert passed(program, "assert f(32) == 32", "assert f(100) == 'too many'", memory_mib=2_048) == 2


def test_nothing_is_left_behind() -> None:
    before = set(Path(tempfile.gettempdir()).glob("apportion-cell-*"))
    lingering = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(10**6,)).start()\ndef f(x):\n    return x"
    )
    assert passed(lingering, "assert f(1) == 1") == 1
    assert set(Path(tempfile.gettempdir()).glob("apportion-cell-*")) == before
    assert not find_sandboxed(psutil.Process())


def start_alone(*command: str, program: str) -> subprocess.Popen[bytes]:
    """A process of its own that runs one program against one test."""
    script = f"from tests.worker.sandbox.programs import passed; print(passed({program!r}, 'assert f(2) == 4'))"
    return subprocess.Popen(
        [*command, sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def find_sandboxed(process: psutil.Process) -> list[psutil.Process]:
    """The processes below one that run inside a sandbox."""
    children = process.children(recursive=True)
    return [child for child in children if "from worker.sandbox.inside" in str(child.cmdline())]


def test_a_killed_worker_takes_its_sandboxes_with_it() -> None:
    with start_alone(program="import time\ntime.sleep(10**6)") as alone:
        wait_until(lambda: len(find_sandboxed(psutil.Process(alone.pid))) == 2)
        sandboxed = find_sandboxed(psutil.Process(alone.pid))
        alone.kill()
        alone.communicate()
    wait_until(lambda: not any(process.is_running() for process in sandboxed))


UNPRIVILEGED = ("unshare", "--user", "--map-root-user", "sh", "-c")


def test_the_root_of_a_container_can_make_one() -> None:
    with start_alone(*UNPRIVILEGED, 'exec "$@"', "sh", program="def f(x):\n    return 4") as alone:
        output, complaint = alone.communicate(timeout=60)
    assert (output, complaint) == (b"1\n", b"")


def test_where_no_sandbox_can_be_made_nothing_is_run() -> None:
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    with start_alone(*UNPRIVILEGED, refuse, "sh", program="def f(x):\n    return 4") as alone:
        output, complaint = alone.communicate(timeout=60)
    assert output == b""
    assert b"SandboxUnavailable: no sandbox can be made here ([Errno 28] unshare: No space left on device)" in complaint
    assert b"code answers are left ungraded: allow unprivileged user namespaces" in complaint


def find_interpreter(user: int | None) -> str:
    """One that this user can run: root's own may stand in a folder that only root can enter."""
    for name in (os.path.realpath(sys.executable), *(f"{folder}/python3" for folder in os.get_exec_path())):
        command = [name, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        with suppress(OSError):
            if subprocess.run(command, user=user, check=False).returncode == 0:
                return os.path.realpath(name)
    raise AssertionError("this test needs a Python 3.11 that every user can run")


def test_it_takes_no_root() -> None:
    user = NOBODY if os.geteuid() == 0 else None
    interpreter = find_interpreter(user)
    find_prefix = [interpreter, "-c", "import sys; print(sys.base_prefix)"]
    prefix = subprocess.run(find_prefix, capture_output=True, text=True, check=True).stdout.strip()
    folder = make_open_directory()
    shutil.copytree(Path(worker.__file__).parent / "sandbox", folder / "worker" / "sandbox")
    (folder / "at").mkdir()
    cell = {"interpreter": interpreter, "prefix": prefix, "memory_mib": 256, "cpu_seconds": 5}
    tests = [f"assert see() == {NOBODY}", "assert see() == 0"]
    request = {"setup": "", "program": "import os\ndef see():\n    return os.getuid()", "tests": tests}
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); from worker.sandbox.cell import main; main()"
    result = subprocess.run(
        [interpreter, "-I", "-S", "-B", "-c", script, json.dumps(cell | {"at": str(folder / "at")})],
        input=json.dumps(request | {"in_place": False, "wall_seconds": 15}).encode(),
        capture_output=True,
        check=False,
        user=user,
    )
    shutil.rmtree(folder)
    assert (result.stdout, result.stderr) == (b".10", b"")
