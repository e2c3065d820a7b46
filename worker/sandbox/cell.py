"""The process that makes a sandbox around a referee and a player, and waits until they have ended.

It is started for each answer, by the interpreter alone and without packages. It prints nothing; when the sandbox can
not be made it says why on standard error and ends with UNAVAILABLE, and nothing was run.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from worker.sandbox import kernel
from worker.sandbox.private_root import PROGRAM, SCRATCH, enter_private_root
from worker.sandbox.seccomp import deny_system_calls

UNAVAILABLE = 78  # exit code: no sandbox on this machine
USER = 65534  # inside, and for root outside as well: nobody
THREADS = 64  # of all processes inside together
OPEN_FILES = 64
SCRATCH_MIB = 16

_NAMESPACES = (
    kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWCGROUP
)


def main() -> None:
    """Make the sandbox that the first argument describes, as JSON, and end when its referee has."""
    _guard(_make, json.loads(sys.argv[1]))


def _make(cell: Mapping[str, Any]) -> NoReturn:
    kernel.control_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # when the worker dies, everything here does
    with suppress(PermissionError):  # only root can, and only root has to: others' groups are theirs
        os.setgroups([])
    unshared, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _guard(_run_inside, cell, unshared, mapped)
    _map_users(child, unshared, mapped)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _guard(step: Any, *arguments: Any) -> None:
    """Nothing is run where a step of the sandbox fails."""
    try:
        step(*arguments)
    except Exception as error:
        os.write(2, str(error).encode()[:500])
        os._exit(UNAVAILABLE)


def _map_users(child: int, unshared: tuple[int, int], mapped: tuple[int, int]) -> None:
    os.close(unshared[1])
    if os.read(unshared[0], 1):  # else the child has told why it ended
        _write(f"/proc/{child}/setgroups", "deny")
        _map(f"/proc/{child}/uid_map", os.geteuid())
        _map(f"/proc/{child}/gid_map", os.getegid())
        os.write(mapped[1], b"!")


def _map(table: str, own: int) -> None:
    """Say who nobody is outside: root's nobody, and root is root until it has become that; of others they themselves.

    The root of a container that has no nobody is no root outside, and is treated as others are.
    """
    if own == 0:
        with suppress(OSError):
            _write(table, f"0 0 1\n{USER} {USER} 1")
            return
    _write(table, f"{USER} {own} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:  # pathlib would cost a fifth of what starting this process does
        file.write(text)


def _run_inside(cell: Mapping[str, Any], unshared: tuple[int, int], mapped: tuple[int, int]) -> NoReturn:
    kernel.unshare(_NAMESPACES)
    kernel.control_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.write(unshared[1], b"!")
    os.close(mapped[1])
    if not os.read(mapped[0], 1):
        raise OSError("the users of the sandbox could not be set")
    enter_private_root(
        at=cell["at"],
        interpreter=cell["interpreter"],
        prefix=cell["prefix"],
        inside=os.path.join(os.path.dirname(__file__), "inside"),
        scratch_mib=SCRATCH_MIB,
        user=USER,
    )
    first = os.fork()  # the first process of its namespace: all others there end with it
    if first == 0:
        _guard(_become_nobody, cell)
        _guard(_start_both, cell)
    _, status = os.waitpid(first, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _become_nobody(cell: Mapping[str, Any]) -> None:
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    kernel.control_process(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user clears it
    kernel.control_process(kernel.PR_SET_NO_NEW_PRIVS, 1)
    memory = cell["memory_mib"] * 2**20
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cell["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, SCRATCH_MIB * 2**20),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, THREADS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(limit, (most, most))


def _start_both(cell: Mapping[str, Any]) -> NoReturn:
    """Become the referee, with the player as a child that has none of its descriptors but the two to talk over."""
    requests, replies = os.pipe(), os.pipe()
    player = os.fork()
    deny_system_calls()
    if player == 0:
        null = os.open("/dev/null", os.O_RDWR)
        _keep_descriptors({0: null, 1: null, 2: null, 3: requests[0], 4: replies[1]})
        os.chdir(SCRATCH)
        _become_python(cell, "player")
    null = os.open("/dev/null", os.O_RDWR)
    _keep_descriptors({0: 0, 1: 1, 2: null, 3: requests[1], 4: replies[0]})
    _become_python(cell, "referee")


def _keep_descriptors(wanted: Mapping[int, int]) -> None:
    """These descriptors under these numbers, and no others."""
    high = {number: os.dup2(source, 30 + number) for number, source in wanted.items()}  # out of each other's way
    for number, source in high.items():
        os.dup2(source, number)
    os.closerange(len(wanted), OPEN_FILES)


def _become_python(cell: Mapping[str, Any], module: str) -> NoReturn:
    program = f"import sys; sys.path.append({PROGRAM!r}); from worker.sandbox.inside.{module} import main; main()"
    # As -I, with an order of sets that is the same each time: -I would not read PYTHONHASHSEED.
    arguments = [cell["interpreter"], "-P", "-s", "-S", "-B", "-c", program]
    environment = {"HOME": SCRATCH, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    environment["MALLOC_ARENA_MAX"] = "1"  # else each thread takes 64 MiB of the memory that is allowed
    os.execve(cell["interpreter"], arguments, environment)  # noqa: S606  # no shell
