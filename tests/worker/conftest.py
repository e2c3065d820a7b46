"""A folder the embedded server's user can reach; pytest's own are closed to it when root runs the tests."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.postgres_folders import remove_folder


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory under /tmp that everyone may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="apportion-test-"))
    directory.chmod(0o755)
    yield directory
    os.chmod(directory, 0o755)
    remove_folder(directory)


@pytest.fixture
def server_folder(open_directory: Path) -> Iterator[Path]:
    """Where a test's embedded server lives."""
    folder = open_directory / "postgres"
    yield folder
    remove_folder(folder)
