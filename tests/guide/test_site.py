"""The documentation as a site: it is built without a warning, and its pages load nothing from elsewhere."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guide.pages import CHECKOUT, DOCS

MERMAID = DOCS / "assets" / "mermaid"
MERMAID_SHA256 = (
    "7a644017d37f93c8359790884e6b67fb1f747c78eb20475952404bd87190a3f8"  # of version 11.17.2, in its npm package
)
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]+src=\"?([^\" >]+)|<link[^>]+href=\"?([^\" >]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    calm = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # about the future of mkdocs, as in the Makefile
    built = subprocess.run(command, cwd=CHECKOUT, env=calm, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    loaded = {found for page in pages for pair in LOADED.findall(page.read_text(encoding="utf-8")) for found in pair}
    assert [address for address in loaded if re.match(r"https?:|//", address)] == []


def test_references_are_made_from_the_code(site: Path) -> None:
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "apportion predictors rollback" in commands
    assert "--target-accuracy" in commands
    endpoints = (site / "reference" / "http.html").read_text(encoding="utf-8")
    assert "POST /v1/batches/{batch_id}/cancel" in endpoints
    assert "completion_window" in endpoints
    assert "shadow_price" in (site / "reference" / "python.html").read_text(encoding="utf-8")


def test_diagrams_are_drawn_by_the_released_library(site: Path) -> None:
    assert hashlib.sha256((MERMAID / "mermaid.tiny.js").read_bytes()).hexdigest() == MERMAID_SHA256
    assert "MIT" in (MERMAID / "LICENSE").read_text(encoding="utf-8")
    with_diagrams = {page for page in DOCS.rglob("*.md") if "```mermaid" in page.read_text(encoding="utf-8")}
    loading = {page for page in site.rglob("*.html") if "mermaid.tiny.js" in page.read_text(encoding="utf-8")}
    assert {page.stem for page in with_diagrams} == {page.stem for page in loading} != set()
