"""A folder the embedded server's user can reach; pytest's own are closed to it when root runs the tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.open_directory import make_open_directory
from tests.worker.postgres_folders import remove_folder


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everyone may pass through."""
    directory = make_open_directory()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def server_folder(open_directory: Path) -> Iterator[Path]:
    """Where a test's embedded server lives."""
    folder = open_directory / "postgres"
    yield folder
    remove_folder(folder)
