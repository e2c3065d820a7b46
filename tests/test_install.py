"""The installer's decisions: what fits this machine, when to stop before a large download, when nothing is to do."""

import os
import sys
import zipfile
from argparse import Namespace
from pathlib import Path

import pytest

from install import install
from install.install import is_installed, make_plan
from install.machine import has_gpu, refuse_cuda_torch


@pytest.fixture(autouse=True)
def pip_unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may cap torch, or name folders of wheels, in pip's configuration: that is not what is tested here."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def build_wheel(folder: Path, *, requires: list[str]) -> None:
    """A wheel of a torch that no index has, with these dependencies."""
    metadata = [
        "Metadata-Version: 2.1",
        "Name: torch",
        "Version: 99.0",
        *(f"Requires-Dist: {name}" for name in requires),
    ]
    with zipfile.ZipFile(folder / "torch-99.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("torch-99.0.dist-info/METADATA", "\n".join(metadata))
        wheel.writestr("torch-99.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any")
        wheel.writestr("torch-99.0.dist-info/RECORD", "")


@pytest.mark.parametrize(
    "requirement", ["nvidia-cudnn-cu13==9.20", 'cuda-toolkit[cublas]==13.0; platform_system == "Linux"']
)
def test_a_cuda_torch_stops_the_installation_with_the_remedy(tmp_path: Path, requirement: str) -> None:
    build_wheel(tmp_path, requires=["filelock", requirement])
    with pytest.raises(SystemExit, match=r"CUDA build of torch==99\.0 .* no GPU(.|\n)*TORCH_INDEX=(.|\n)*ENGINE=gpu"):
        refuse_cuda_torch(Path(sys.executable), "torch==99.0", ["--no-index", f"--find-links={tmp_path}"])


def test_a_cpu_torch_is_accepted(tmp_path: Path) -> None:
    build_wheel(tmp_path, requires=["filelock", 'optree; extra == "optree"'])
    refuse_cuda_torch(Path(sys.executable), "torch==99.0", ["--no-index", f"--find-links={tmp_path}"])


def test_a_torch_that_no_index_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"pip finds no torch==98\.0"):
        refuse_cuda_torch(Path(sys.executable), "torch==98.0", ["--no-index", f"--find-links={tmp_path}"])


def test_a_gpu_that_answers_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert has_gpu()
    assert make_plan(Namespace(engine="", dev=False, torch_index="")).engine == "gpu"


def test_an_engine_that_is_named_wins_over_the_machine() -> None:
    plan = make_plan(Namespace(engine="transformers", dev=True, torch_index=""))
    assert [lock.name for lock in plan.locks] == ["transformers.lock", "dev.lock"]


def test_an_installation_is_recognised_until_its_locks_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "cpu.lock"
    lock.write_text("torch==2.13.0")
    monkeypatch.setattr(install, "RECORD", tmp_path / "installed.json")
    plan = make_plan(Namespace(engine="cpu", dev=True, torch_index=""))._replace(locks=(lock,))
    assert not is_installed(plan)
    install.write_record(plan)
    assert is_installed(plan)
    assert not is_installed(plan._replace(engine="transformers"))
    lock.write_text("torch==2.14.0")
    assert not is_installed(plan)
