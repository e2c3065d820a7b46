"""The system calls that programs in the sandbox are denied: processes, sockets, tracing, mounts, kernel interfaces.

The namespaces keep a program from the machine; this keeps it from the parts of the kernel that it has no business with,
and from making memory that no limit counts.
"""

import ctypes
import os
import struct
from collections.abc import Iterator

from worker.sandbox.kernel import PR_SET_SECCOMP, SECCOMP_MODE_FILTER, control_process

_EPERM, _ENOSYS = 1, 38

# name -> number on x86_64 and on aarch64 (None: there is none)
DENIED: dict[str, tuple[int, int | None]] = {
    # other processes
    "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "mount_setattr": (442, 442), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    # the network: vsock knows no namespace
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200),
    # memory that belongs to no process
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180),
    # parts of the kernel in which there is much to find
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "syslog": (103, 116), "quotactl": (179, 60), "personality": (135, 92),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162),
}  # fmt: skip

_CLONE, _CLONE3 = (56, 220), 435
_CLONE_THREAD = 0x10000
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit number, column of the table
_X32 = 0x40000000  # the same machine's other numbers

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # places in struct seccomp_data


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_system_calls() -> None:
    """From here on, in this process and what it becomes. It must have given up new privileges before."""
    instructions = b"".join(_write_filter(os.uname().machine))
    program = _Program(len(instructions) // 8, instructions)
    control_process(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))


def _write_filter(machine: str) -> Iterator[bytes]:
    audit_number, column = _MACHINES[machine]
    yield _instruction(_LOAD, _MACHINE)
    yield _instruction(_EQUAL, audit_number, if_true=1)
    yield _instruction(_RETURN, _KILL)
    yield _instruction(_LOAD, _NUMBER)
    yield _instruction(_AT_LEAST, _X32, if_false=1)
    yield _instruction(_RETURN, _KILL)
    for numbers in DENIED.values():
        if (number := numbers[column]) is not None:
            yield from _return_for(number, _ERROR | _EPERM)
    yield from _return_for(_CLONE3, _ERROR | _ENOSYS)  # its flags can not be read here: libc falls back to clone
    yield _instruction(_EQUAL, _CLONE[column], if_false=3)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_ANY_BIT, _CLONE_THREAD, if_true=1)
    yield _instruction(_RETURN, _ERROR | _EPERM)  # a process; a thread is let through
    yield _instruction(_RETURN, _ALLOW)


def _return_for(number: int, result: int) -> Iterator[bytes]:
    yield _instruction(_EQUAL, number, if_false=1)
    yield _instruction(_RETURN, result)


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
