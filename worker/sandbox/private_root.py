"""A file system of the sandbox's own: the interpreter and its libraries to read, one small folder to write."""

import os
from collections.abc import Iterator

from worker.sandbox.kernel import (
    MS_BIND,
    MS_PRIVATE,
    MS_REC,
    NO_DEVICES,
    NO_PROGRAMS,
    NO_SETUID,
    READ_ONLY,
    change_root,
    limit_mount,
    mount,
)

PROGRAM = "/apportion"  # where our own files are found inside
SCRATCH = "/tmp"  # noqa: S108  # a file system of its own, empty at first and gone with the sandbox
SCRATCH_FILES = 256

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache")
_DEVICES = ("null", "zero", "random", "urandom")


def enter_private_root(*, at: str, interpreter: str, prefix: str, inside: str, scratch_mib: int, user: int) -> None:
    """Make the root, at an empty directory that nobody else sees change, and move into it."""
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    mount("tmpfs", at, kind="tmpfs", options="mode=0755,size=1m,nr_inodes=1024")
    for place in _outermost([prefix, interpreter, *_LIBRARIES]):
        _show(place, at=at, name=place)
    _show(inside, at=at, name=f"{PROGRAM}/worker/sandbox/inside")
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{at}/dev/{name}", NO_SETUID | NO_PROGRAMS)
    os.mkdir(f"{at}{SCRATCH}")
    scratch = f"mode=0700,uid={user},gid={user},size={scratch_mib}m,nr_inodes={SCRATCH_FILES}"
    mount("tmpfs", f"{at}{SCRATCH}", kind="tmpfs", options=scratch)
    limit_mount(f"{at}{SCRATCH}", NO_SETUID | NO_DEVICES | NO_PROGRAMS)
    limit_mount(at, READ_ONLY | NO_SETUID | NO_DEVICES, recursive=False)
    change_root(at)


def _outermost(places: list[str]) -> Iterator[str]:
    """Those that exist and stand in no other of them; the target of a link beside the link."""
    found = {place for place in places if os.path.exists(place)}
    for place in sorted(found):
        if not any(place.startswith(f"{other}/") and not os.path.islink(other) for other in found):
            yield place


def _show(source: str, *, at: str, name: str) -> None:
    target = f"{at}{name}"
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    _bind(source, target, READ_ONLY | NO_SETUID | NO_DEVICES)


def _bind(source: str, target: str, attributes: int) -> None:
    if os.path.isdir(source):
        os.makedirs(target)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, flags=MS_BIND | MS_REC)
    limit_mount(target, attributes)
