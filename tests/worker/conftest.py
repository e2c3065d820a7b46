"""A folder for an embedded server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.postgres_folders import remove_folder


@pytest.fixture
def server_folder(open_directory: Path) -> Iterator[Path]:
    """Where a test's embedded server lives."""
    folder = open_directory / "postgres"
    yield folder
    remove_folder(folder)
