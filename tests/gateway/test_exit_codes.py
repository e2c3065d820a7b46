"""The tables of exit codes in the README and in the guide say what their comments say."""

import re
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode

CHECKOUT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("page", ["README.md", "docs/guide/operating.md"])
def test_every_code_is_quoted(page: str) -> None:
    source = (CHECKOUT / "gateway" / "exit_codes.py").read_text(encoding="utf-8")
    quoted = (CHECKOUT / page).read_text(encoding="utf-8")
    said = {int(code): words for code, words in re.findall(r"^\| (\d+) \| (.+) \|$", quoted, re.MULTILINE)}
    meant = {int(code): words for code, words in re.findall(r"^    \w+ = (\d+)  # (.+)$", source, re.MULTILINE)}
    assert set(meant) == set(map(int, ExitCode))
    assert {code: words.partition(" (also")[0] for code, words in meant.items()} == said
