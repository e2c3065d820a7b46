"""This machine: its disks, the engines that are installed on it, and whether it can run what models wrote."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from gateway.doctor.finding import Finding
from worker.errors import SandboxUnavailable
from worker.sandbox.code_run import check_sandbox
from worker.settings import Settings

LEAST_FREE_GIB = 2.0
ENGINE_MODULES = ("vllm", "transformers")


def look_at_disks(settings: Settings) -> Iterator[Finding]:
    """Where the embedded database and what is cached are kept."""
    if settings.database_url is None:
        yield _look_at_disk(settings.data_directory, kept="the database")
    yield _look_at_disk(settings.cache_directory, kept="models and vectors")


def _look_at_disk(folder: Path, *, kept: str) -> Finding:
    present = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_gib = shutil.disk_usage(present).free / 2**30
    wanted = "" if free_gib >= LEAST_FREE_GIB else f": free some space, at least {LEAST_FREE_GIB:g} GiB are wanted"
    return Finding(not wanted, f"disk of {kept}, {folder}: {free_gib:.1f} GiB free{wanted}")


def look_at_engines() -> Iterator[Finding]:
    """Whether models can run here at all."""
    found = [module for module in ENGINE_MODULES if find_spec(module)]
    none = "none; only remote servers can answer (`make install` brings one)"
    yield Finding(bool(found), f"engines installed: {', '.join(found) or none}")


def look_at_sandbox() -> Iterator[Finding]:
    """Whether code answers are graded here; who grades none misses nothing."""
    try:
        check_sandbox()
    except SandboxUnavailable as error:
        yield Finding(True, f"sandbox: {error}")
    else:
        yield Finding(True, "sandbox: code answers are run without network, files and privileges")
